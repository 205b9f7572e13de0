//! Forms, in both encodings that a browser knows.

use std::borrow::Cow;

use actix_multipart::Multipart;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;
use futures_util::{FutureExt, StreamExt};

use super::body::{self, Body};
use crate::error::ApiError;
use crate::state::State;
use crate::validation::{self, Rules, Source};

/// A form that is a valid `T`. Any other body is taken for a form without fields, as FastAPI does.
pub(crate) struct ValidForm<T>(pub(crate) T);

type Pairs = Vec<(Cow<'static, str>, Cow<'static, str>)>;

impl<T: Body + 'static> FromRequest for ValidForm<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        async move {
            let pairs = match body::media_type(&request).as_str() {
                "application/x-www-form-urlencoded" => urlencoded(&request, payload, T::MAX).await?,
                "multipart/form-data" => {
                    body::within_deadline(multipart(Multipart::new(request.headers(), payload), T::MAX))
                        .await?
                }
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

async fn urlencoded(request: &HttpRequest, mut payload: Payload, max: usize) -> Result<Pairs, ApiError> {
    let bytes = body::read(request, &mut payload, max).await?;
    let pairs = url::form_urlencoded::parse(&bytes);
    Ok(pairs.map(|(name, value)| (name.into_owned().into(), value.into_owned().into())).collect())
}

async fn multipart(mut parts: Multipart, max: usize) -> Result<Pairs, ApiError> {
    let mut pairs = Vec::new();
    let mut left = max;
    while let Some(part) = parts.next().await {
        let mut part = part.map_err(|_| body::broken_off())?;
        let mut value = Vec::new();
        while let Some(chunk) = part.next().await {
            let chunk = chunk.map_err(|_| body::broken_off())?;
            left = left.checked_sub(chunk.len()).ok_or(ApiError::TooLarge(max))?;
            value.extend_from_slice(&chunk);
        }
        let name = part.name().unwrap_or_default().to_owned();
        pairs.push((name.into(), String::from_utf8_lossy(&value).into_owned().into()));
    }
    Ok(pairs)
}
