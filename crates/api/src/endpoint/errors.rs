//! Errors in the document: each is one shared response that operations refer to.

use serde_json::json;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{ContentBuilder, Header, HeaderBuilder, Ref, RefOr, Response, ResponseBuilder, Schema};

/// An error response of the document. Its `detail` is an example of the sentence that clients get.
pub(crate) struct ErrorResponse {
    /// The name among the shared responses.
    pub(crate) name: &'static str,
    pub(crate) status: u16,
    pub(crate) description: &'static str,
    pub(crate) detail: &'static str,
}

impl ErrorResponse {
    pub(super) fn response(&self) -> Response {
        let mut response = response(self.description, self.detail);
        if self.status == 401 {
            // Each 401 has a challenge (RFC 9110, section 15.5.2).
            let challenge = header(ObjectBuilder::new().schema_type(Type::String));
            response.headers.insert("WWW-Authenticate".to_owned(), challenge.into());
        }
        response
    }
}

/// A response with one sentence.
pub(super) fn response(description: &str, detail: &str) -> Response {
    let schema = Ref::from_schema_name("Detail");
    let content = ContentBuilder::new().schema(Some(schema)).example(Some(json!({ "detail": detail })));
    ResponseBuilder::new().description(description).content("application/json", content.build()).build()
}

/// A header with this schema.
pub(super) fn header(schema: impl Into<RefOr<Schema>>) -> Header {
    HeaderBuilder::new().schema(Some(schema)).build()
}

pub(super) const NOT_AUTHENTICATED: ErrorResponse = ErrorResponse {
    name: "NotAuthenticated",
    status: 401,
    description: "There is no access token, or it is not valid; `WWW-Authenticate` has the reason",
    detail: "Could not validate credentials",
};

pub(super) const BODY_TIMEOUT: ErrorResponse = ErrorResponse {
    name: "BodyTimeout",
    status: 408,
    description: "The body did not arrive in time",
    detail: "The request body did not arrive in time",
};

pub(super) const INTERNAL: ErrorResponse = ErrorResponse {
    name: "InternalError",
    status: 500,
    description: "A fault of the service",
    detail: "Internal Server Error",
};

pub(super) const UNAVAILABLE: ErrorResponse = ErrorResponse {
    name: "Unavailable",
    status: 503,
    description: "The service is overloaded, or the feature is switched off",
    detail: "The service is busy, try again shortly",
};
