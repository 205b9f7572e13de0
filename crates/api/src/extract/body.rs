//! Reads a body within a size limit and a timeout, describes it, and gives its rules their context.

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{HttpMessage, HttpRequest};
use bytes::{Bytes, BytesMut};
use daybook_auth::PasswordPolicy;
use daybook_validation::Issue;
use futures_util::StreamExt;
use garde::Validate;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;
use utoipa::openapi::Required;
use utoipa::openapi::request_body::RequestBodyBuilder;

use super::origin::client_of;
use crate::endpoint::{ErrorResponse, Spec};
use crate::error::ApiError;
use crate::state::State;

/// A type that a body is read into.
pub(crate) trait Body: DeserializeOwned + Validate<Context: RuleContext> + ToSchema + 'static {
    /// The limit of the body, in bytes.
    const MAX: usize = 16 * 1024;
}

/// The limit of a body with a content of 100,000 characters, each written as a pair of `\u`
/// escapes, and a title.
pub(crate) const LONG_BODY_MAX: usize = 1_250_000;

/// What the rules of a body depend on.
pub(crate) trait RuleContext {
    /// Takes it from the state of the service.
    fn of(state: &State) -> Self;
}

impl RuleContext for () {
    fn of(_: &State) -> Self {}
}

impl RuleContext for PasswordPolicy {
    fn of(state: &State) -> Self {
        state.password_policy
    }
}

/// A client on a very slow line sends the largest body within this time. Any slower client holds a
/// connection for nothing.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Reads the whole body. Meanwhile the request counts as one that is being read and not as one that
/// is being served.
///
/// # Errors
///
/// When the body is compressed, too large, too slow or incomplete.
pub(super) async fn read(request: &HttpRequest, mut payload: Payload, max: usize) -> Result<Bytes, ApiError> {
    let codings = request.headers().get_all(header::CONTENT_ENCODING);
    let mut codings = codings.flat_map(|codings| codings.as_bytes().split(|byte| *byte == b','));
    // `identity` changes nothing. Each other coding changes the bytes.
    if codings.any(|coding| !matches!(coding.trim_ascii().to_ascii_lowercase().as_slice(), b"" | b"identity"))
    {
        return Err(ApiError::Compressed);
    }
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > max) {
        return Err(ApiError::TooLarge(max));
    }
    let state = State::of(request)?;
    let _reading = state.metrics.count_reading();
    let client = client_of(request, state);
    let permit = state.network_limits.permit_body(client, announced.unwrap_or(max))?;
    let body = tokio::time::timeout(BODY_TIMEOUT, collect(&mut payload, announced, max)).await;
    let body = body.map_err(|_| ApiError::BodyTimeout).flatten()?;
    if let Some(memory) = permit.into_memory() {
        // The handler works with what the body contains, so its memory is used until the response.
        request.extensions_mut().insert(memory);
    }
    Ok(body)
}

async fn collect(payload: &mut Payload, announced: Option<usize>, max: usize) -> Result<Bytes, ApiError> {
    let mut body = BytesMut::with_capacity(announced.unwrap_or(0));
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| incomplete())?;
        if body.len() + chunk.len() > max {
            return Err(ApiError::TooLarge(max));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// A body that ends before its length. Few clients still read the response, but the log has it.
fn incomplete() -> ApiError {
    ApiError::Invalid(vec![Issue::of_part("body", "value_error", "The request body is not complete")])
}

/// Returns the media type without its parameters, in lower case.
pub(super) fn media_type(request: &HttpRequest) -> String {
    let value = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

/// Describes a required body of type `T` in any of these media types.
pub(super) fn describe<T: Body>(spec: &mut Spec, media_types: &[&'static str]) {
    let content = spec.content::<T>();
    let body = RequestBodyBuilder::new().required(Some(Required::True));
    let body = media_types.iter().fold(body, |body, media_type| body.content(*media_type, content.clone()));
    spec.body(body.build(), T::MAX);
}

pub(super) const JSON: &str = "application/json";
pub(super) const JSON_OR_FORM: &str = "application/json or application/x-www-form-urlencoded";

pub(super) const NOT_JSON: ErrorResponse = ErrorResponse {
    name: "NotJson",
    description: "The body has another media type",
    error: || ApiError::UnsupportedMediaType(JSON),
};

pub(super) const COMPRESSED: ErrorResponse = ErrorResponse {
    name: "Compressed",
    description: "The body is compressed",
    error: || ApiError::Compressed,
};

pub(super) const NOT_JSON_OR_FORM: ErrorResponse = ErrorResponse {
    name: "NotJsonOrForm",
    description: "The body has another media type",
    error: || ApiError::UnsupportedMediaType(JSON_OR_FORM),
};
