//! Forms, in both encodings of browsers.

use std::future::ready;

use actix_multipart::Multipart;
use actix_web::dev::Payload;
use actix_web::http::header::HeaderMap;
use actix_web::{FromRequest, HttpRequest};
use bytes::Bytes;
use daybook_validation::Issue;
use futures_util::future::LocalBoxFuture;
use futures_util::{FutureExt, StreamExt, stream};

use super::body::{self, Body, RuleContext};
use super::rules::PARSER;
use crate::endpoint::{Argument, Spec};
use crate::error::ApiError;
use crate::state::State;

/// A form that is a valid `T`. Like in FastAPI, any other body counts as a form without fields.
pub(crate) struct ValidForm<T>(pub(crate) T);

pub(super) const URL_ENCODED: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data";

/// The media types of forms.
pub(super) const MEDIA_TYPES: [&str; 2] = [URL_ENCODED, MULTIPART];

impl<T: Body> FromRequest for ValidForm<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        async move {
            let body = body::read(&request, payload, T::MAX).await?;
            let pairs = match body::media_type(&request).as_str() {
                URL_ENCODED => url::form_urlencoded::parse(&body).into_owned().collect(),
                MULTIPART => multipart(request.headers(), body).await?,
                _ => Vec::new(),
            };
            let context = T::Context::of(State::of(&request)?);
            PARSER.form(pairs, &context).map(Self).map_err(ApiError::Invalid)
        }
        .boxed_local()
    }
}

impl<T: Body> Argument for ValidForm<T> {
    fn describe(spec: &mut Spec) {
        body::describe::<T>(spec, &[URL_ENCODED]);
        spec.error(&body::COMPRESSED);
    }
}

/// The fields of a multipart form (RFC 7578). Files are read as text.
async fn multipart(headers: &HeaderMap, body: Bytes) -> Result<Vec<(String, String)>, ApiError> {
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
        pairs.push((name, String::from_utf8_lossy(&value).into_owned()));
    }
    Ok(pairs)
}
