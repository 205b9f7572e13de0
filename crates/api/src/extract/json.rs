//! JSON bodies.

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use bytes::{Buf, Bytes};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use serde_json::Value;
use utoipa::openapi::ContentBuilder;
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};

use super::body::{self, Body};
use crate::endpoint::{Argument, Spec};
use crate::error::ApiError;
use crate::state::State;
use crate::validation::{self, Issue, Rules, Source};

/// A JSON object that is a valid `T`.
pub(crate) struct ValidJson<T>(pub(crate) T);

/// A JSON object that is a valid `T`, or nothing at all: no body, or `null`.
pub(crate) struct OptionalJson<T>(pub(crate) Option<T>);

impl<T: Body> FromRequest for ValidJson<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        async move {
            match text(&request, payload, T::MAX).await? {
                Some(text) => parse(&request, &text).map(Self),
                None => {
                    let issue = Issue::of_part("body", "missing", "Field required");
                    Err(ApiError::Invalid(vec![issue.with_input(Some(Value::Null))]))
                }
            }
        }
        .boxed_local()
    }
}

impl<T: Body> FromRequest for OptionalJson<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        async move {
            match text(&request, payload, T::MAX).await? {
                Some(text) if text.trim_ascii() != b"null" => parse(&request, &text).map(Some).map(Self),
                _ => Ok(Self(None)),
            }
        }
        .boxed_local()
    }
}

impl<T: Body> Argument for ValidJson<T> {
    fn describe(spec: &mut Spec) {
        body::describe::<T>(spec, &["application/json"]);
        spec.error(&body::NOT_JSON);
    }
}

impl<T: Body> Argument for OptionalJson<T> {
    fn describe(spec: &mut Spec) {
        let null = ObjectBuilder::new().schema_type(Type::Null);
        let either = OneOfBuilder::new().item(spec.schema::<T>()).item(null);
        let content = ContentBuilder::new().schema(Some(either)).build();
        spec.body(RequestBodyBuilder::new().content("application/json", content).build(), T::MAX);
        spec.error(&body::NOT_JSON);
    }
}

/// The JSON text of a body, if there is a body.
async fn text(request: &HttpRequest, payload: Payload, max: usize) -> Result<Option<Bytes>, ApiError> {
    let mut text = body::read(request, payload, max).await?;
    if text.is_empty() {
        return Ok(None);
    }
    let media_type = body::media_type(request);
    let subtype = media_type.strip_prefix("application/");
    if !subtype.is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json")) {
        return Err(ApiError::UnsupportedMediaType("application/json"));
    }
    // Python's parser skips a byte order mark too.
    if text.starts_with(BYTE_ORDER_MARK) {
        text.advance(BYTE_ORDER_MARK.len());
    }
    Ok(Some(text))
}

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

fn parse<T: Body>(request: &HttpRequest, text: &[u8]) -> Result<T, ApiError> {
    let context = T::Context::of(State::of(request)?);
    // Nearly every body is good: only one that is not is read a second time, to tell what is wrong with it. Serde would take a
    // list of the values for an object too; Pydantic does not.
    if text.trim_ascii_start().starts_with(b"{")
        && let Ok(value) = serde_json::from_slice::<T>(text)
        && value.validate_with(&context).is_ok()
    {
        return Ok(value);
    }
    let Value::Object(object) = validation::parse_json(text).map_err(ApiError::Invalid)? else {
        let sentence = "Input should be a valid dictionary or object to extract fields from";
        return Err(ApiError::Invalid(vec![Issue::of_part("body", "model_attributes_type", sentence)]));
    };
    validation::read(&Source::Json(&object), &context).map_err(ApiError::Invalid)
}
