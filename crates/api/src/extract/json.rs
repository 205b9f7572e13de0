//! JSON bodies.

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use utoipa::openapi::ContentBuilder;
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};

use super::body::{self, Body, RuleContext};
use super::rules::PARSER;
use crate::endpoint::{Argument, Spec};
use crate::error::ApiError;
use crate::state::State;

/// A JSON object that is a valid `T`.
pub(crate) struct ValidJson<T>(pub(crate) T);

/// A JSON object that is a valid `T`, or nothing: no body, or `null`.
pub(crate) struct OptionalJson<T>(pub(crate) Option<T>);

impl<T: Body> FromRequest for ValidJson<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        async move {
            let text = text(&request, payload, T::MAX).await?;
            let context = T::Context::of(State::of(&request)?);
            PARSER.json(&text, &context).map(Self).map_err(ApiError::Invalid)
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
            let text = text(&request, payload, T::MAX).await?;
            let context = T::Context::of(State::of(&request)?);
            PARSER.optional_json(&text, &context).map(Self).map_err(ApiError::Invalid)
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

/// Reads the JSON text of a body. An empty body may have any media type.
async fn text(request: &HttpRequest, payload: Payload, max: usize) -> Result<Bytes, ApiError> {
    let text = body::read(request, payload, max).await?;
    let media_type = body::media_type(request);
    let subtype = media_type.strip_prefix("application/");
    let is_json = subtype.is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"));
    if text.is_empty() || is_json { Ok(text) } else { Err(ApiError::UnsupportedMediaType(body::JSON)) }
}
