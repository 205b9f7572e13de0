//! Reading a request's body, with a limit and a deadline.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use garde::Validate;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;
use utoipa::openapi::Required;
use utoipa::openapi::request_body::RequestBodyBuilder;

use crate::endpoint::{ErrorResponse, Spec};
use crate::error::ApiError;
use crate::state::State;
use crate::validation::{Issue, Rules};

/// A type that a body is read into.
pub(crate) trait Body: DeserializeOwned + Validate<Context: Rules> + ToSchema + 'static {
    /// The most bytes that are read.
    const MAX: usize = 16 * 1024;
}

/// The limit of a body with a content of 100,000 characters, each written as a pair of `\u` escapes, and a title.
pub(crate) const TEXT_MAX: usize = 1_250_000;

/// A client on the slowest line sends the largest body within this time; one that does not holds a connection for nothing.
const DEADLINE: Duration = Duration::from_secs(10);

/// Reads the whole body. While it does, the request is counted as one that is being read, not as one that is being served.
///
/// # Errors
///
/// Too large, too slow, or broken off.
pub(crate) async fn read(request: &HttpRequest, mut payload: Payload, max: usize) -> Result<Bytes, ApiError> {
    let _reading = State::of(request)?.metrics.reading()?;
    let body = tokio::time::timeout(DEADLINE, collect(request, &mut payload, max)).await;
    body.map_err(|_| ApiError::BodyTimeout).flatten()
}

async fn collect(request: &HttpRequest, payload: &mut Payload, max: usize) -> Result<Bytes, ApiError> {
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > max) {
        return Err(ApiError::TooLarge(max));
    }
    let mut body = BytesMut::with_capacity(announced.unwrap_or(0));
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| broken_off())?;
        if body.len() + chunk.len() > max {
            return Err(ApiError::TooLarge(max));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// A body that ends before its length: hardly anybody reads the answer, but the log does.
fn broken_off() -> ApiError {
    ApiError::Invalid(vec![Issue::of_part("body", "value_error", "The request body is not complete")])
}

/// The media type without its parameters, in lower case.
pub(crate) fn media_type(request: &HttpRequest) -> String {
    let value = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

/// Describes a body of type `T` that must be there, in any of these media types.
pub(super) fn describe<T: Body>(spec: &mut Spec, media_types: &[&'static str]) {
    let content = spec.content::<T>();
    let body = RequestBodyBuilder::new().required(Some(Required::True));
    let body = media_types.iter().fold(body, |body, media_type| body.content(*media_type, content.clone()));
    spec.body(body.build(), T::MAX);
}

pub(super) const NOT_JSON: ErrorResponse = ErrorResponse {
    name: "NotJson",
    status: 415,
    description: "The body has another media type",
    detail: "The request body must be application/json",
};

pub(super) const NOT_JSON_OR_FORM: ErrorResponse = ErrorResponse {
    name: "NotJsonOrForm",
    status: 415,
    description: "The body has another media type",
    detail: "The request body must be application/json or application/x-www-form-urlencoded",
};
