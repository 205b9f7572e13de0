//! Forms, in both encodings that a browser knows.

use std::borrow::Cow;
use std::future::ready;

use actix_multipart::Multipart;
use actix_web::dev::Payload;
use actix_web::http::header::HeaderMap;
use actix_web::{FromRequest, HttpRequest};
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use futures_util::{FutureExt, StreamExt, stream};

use super::body::{self, Body};
use crate::endpoint::{Argument, Spec};
use crate::error::ApiError;
use crate::state::State;
use crate::validation::{self, Issue, Rules, Source};

/// A form that is a valid `T`. Any other body is taken for a form without fields, as FastAPI does.
pub(crate) struct ValidForm<T>(pub(crate) T);

pub(super) const URL_ENCODED: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data";

/// The media types of forms.
pub(super) const MEDIA_TYPES: [&str; 2] = [URL_ENCODED, MULTIPART];

type Pairs = Vec<(Cow<'static, str>, Cow<'static, str>)>;

impl<T: Body> FromRequest for ValidForm<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        async move {
            let body = body::read(&request, payload, T::MAX).await?;
            let pairs = match body::media_type(&request).as_str() {
                URL_ENCODED => urlencoded(&body),
                MULTIPART => multipart(request.headers(), body).await?,
                _ => Vec::new(),
            };
            // An empty field of a form is one that was left out.
            let filled: Pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect();
            let context = T::Context::of(State::of(&request)?);
            validation::read(&Source::Pairs("body", &filled), &context).map(Self).map_err(ApiError::Invalid)
        }
        .boxed_local()
    }
}

impl<T: Body> Argument for ValidForm<T> {
    fn describe(spec: &mut Spec) {
        body::describe::<T>(spec, &[URL_ENCODED]);
    }
}

fn urlencoded(body: &[u8]) -> Pairs {
    let pairs = url::form_urlencoded::parse(body);
    pairs.map(|(name, value)| (name.into_owned().into(), value.into_owned().into())).collect()
}

/// The fields of a multipart form (RFC 7578); files among them are read as texts.
async fn multipart(headers: &HeaderMap, body: Bytes) -> Result<Pairs, ApiError> {
    let broken = || ApiError::Invalid(vec![Issue::of_part("body", "value_error", "The form cannot be read")]);
    let mut parts = Multipart::new(headers, stream::once(ready(Ok(body))));
    let mut pairs = Vec::new();
    while let Some(part) = parts.next().await {
        let mut part = part.map_err(|_| broken())?;
        let mut value = Vec::new();
        while let Some(chunk) = part.next().await {
            value.extend_from_slice(&chunk.map_err(|_| broken())?);
        }
        let name = part.name().unwrap_or_default().to_owned();
        pairs.push((name.into(), String::from_utf8_lossy(&value).into_owned().into()));
    }
    Ok(pairs)
}
