//! JSON bodies.

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use serde_json::Value;

use super::body::{self, Body};
use crate::error::ApiError;
use crate::state::State;
use crate::validation::{self, Issue, Rules, Source};

/// A JSON object that is a valid `T`.
pub(crate) struct ValidJson<T>(pub(crate) T);

/// A JSON object that is a valid `T`, or nothing at all.
pub(crate) struct OptionalJson<T>(pub(crate) Option<T>);

impl<T: Body + 'static> FromRequest for ValidJson<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        async move {
            let missing = || ApiError::Invalid(vec![missing_body()]);
            read(&request, &mut payload).await?.map(Self).ok_or_else(missing)
        }
        .boxed_local()
    }
}

impl<T: Body + 'static> FromRequest for OptionalJson<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        async move { read(&request, &mut payload).await.map(Self) }.boxed_local()
    }
}

fn missing_body() -> Issue {
    Issue::of_part("body", "missing", "Field required").with_input(Some(Value::Null))
}

async fn read<T: Body>(request: &HttpRequest, payload: &mut Payload) -> Result<Option<T>, ApiError> {
    let bytes = body::read(request, payload, T::MAX).await?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let media_type = body::media_type(request);
    if media_type != "application/json"
        && !(media_type.starts_with("application/") && media_type.ends_with("+json"))
    {
        return Err(ApiError::UnsupportedMediaType("application/json"));
    }
    // Python's parser skips a byte order mark too.
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let context = T::Context::of(State::of(request)?);
    // Nearly every body is good: only one that is not is read a second time, to tell what is wrong with it.
    if let Ok(value) = serde_json::from_slice::<T>(text)
        && value.validate_with(&context).is_ok()
    {
        return Ok(Some(value));
    }
    let parsed = validation::parse_json(text).map_err(ApiError::Invalid)?;
    let Value::Object(object) = parsed else {
        let sentence = "Input should be a valid dictionary or object to extract fields from";
        return Err(ApiError::Invalid(vec![Issue::of_part("body", "model_attributes_type", sentence)]));
    };
    validation::read(&Source::Json(&object), &context).map(Some).map_err(ApiError::Invalid)
}
