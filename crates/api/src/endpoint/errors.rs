//! Errors as constants: handlers return them, and the OpenAPI document lists them as shared
//! responses.

use actix_web::ResponseError;
use serde_json::json;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{ContentBuilder, Header, HeaderBuilder, Ref, RefOr, Response, ResponseBuilder, Schema};

use crate::error::{ApiError, INVALID_TOKEN};

/// An error that operations can answer with.
pub(crate) struct ErrorResponse {
    /// The name among the shared responses.
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    /// Makes the error, or an example of it: the status and the sentence of the document.
    pub(crate) error: fn() -> ApiError,
}

impl ErrorResponse {
    pub(crate) fn error(&self) -> ApiError {
        (self.error)()
    }
}

/// The response to an error, with its sentence as the example.
pub(super) fn response(description: &str, error: &ApiError) -> Response {
    let example = json!({ "detail": error.sentence() });
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Detail"))).example(Some(example));
    let response =
        ResponseBuilder::new().description(description).content("application/json", content.build());
    if error.status_code() == 401 {
        // Each 401 has a challenge (RFC 9110, section 15.5.2).
        let challenge = header(ObjectBuilder::new().schema_type(Type::String));
        return response.header("WWW-Authenticate", challenge).build();
    }
    response.build()
}

/// A header with this schema.
pub(super) fn header(schema: impl Into<RefOr<Schema>>) -> Header {
    HeaderBuilder::new().schema(Some(schema)).build()
}

pub(super) const NOT_AUTHENTICATED: ErrorResponse = ErrorResponse {
    name: "NotAuthenticated",
    description: "There is no access token, or it is not valid; `WWW-Authenticate` has the reason",
    error: || INVALID_TOKEN,
};

pub(crate) const TOO_MANY_REQUESTS: ErrorResponse = ErrorResponse {
    name: "TooManyRequests",
    description: "The user sends too many such requests, or has too many in flight; see `Retry-After`",
    error: || ApiError::too_many_requests(None),
};

pub(super) const BODY_TIMEOUT: ErrorResponse = ErrorResponse {
    name: "BodyTimeout",
    description: "The body did not arrive in time",
    error: || ApiError::BodyTimeout,
};

pub(super) const INTERNAL: ErrorResponse = ErrorResponse {
    name: "InternalError",
    description: "A fault of the service",
    error: || ApiError::internal("a fault"),
};

pub(super) const UNAVAILABLE: ErrorResponse = ErrorResponse {
    name: "Unavailable",
    description: "The service is overloaded, or the feature is switched off",
    error: || ApiError::busy("overload"),
};
