//! `Spec`: collects the OpenAPI description of one operation from its argument and return types.

use std::collections::BTreeMap;

use actix_web::ResponseError;
use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::path::{Operation, Parameter};
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Content, ContentBuilder, Ref, RefOr, Response, ResponseBuilder, Schema};

use super::errors::{self, ErrorResponse};
use crate::error::{ApiError, Detail, ValidationDetail};

/// The name of the security scheme, which is FastAPI's.
pub(crate) const SECURITY_SCHEME: &str = "OAuth2PasswordBearer";

/// An operation of the OpenAPI document with the components that it refers to.
#[derive(Default)]
pub(crate) struct Spec {
    pub(crate) operation: Operation,
    /// Names of the path's parameters, in the order of the arguments.
    pub(crate) path_parameters: Vec<&'static str>,
    /// True for pages and assets, which are not part of the document.
    pub(crate) is_hidden: bool,
    pub(crate) schemas: BTreeMap<String, RefOr<Schema>>,
    /// Responses that operations share, by name.
    pub(crate) shared: BTreeMap<String, Response>,
}

impl Spec {
    /// Marks the operation as one that needs an access token.
    pub(crate) fn require_token(&mut self) {
        let requirement = SecurityRequirement::new(SECURITY_SCHEME, [] as [&str; 0]);
        self.operation.security.get_or_insert_default().push(requirement);
        self.error(&errors::NOT_AUTHENTICATED);
    }

    /// Adds a parameter.
    pub(crate) fn parameter(&mut self, parameter: Parameter) {
        self.operation.parameters.get_or_insert_default().push(RefOr::T(parameter));
        self.invalid();
    }

    /// Sets the body, with the errors of reading at most `max` bytes of it.
    pub(crate) fn body(&mut self, body: RequestBody, max: usize) {
        self.operation.request_body = Some(RefOr::T(body));
        self.invalid();
        self.error(&errors::BODY_TIMEOUT);
        let too_large = errors::response("The body is too large", &ApiError::TooLarge(max));
        self.share(413, format!("BodyLargerThan{max}"), too_large);
    }

    /// Adds the list of validation problems.
    fn invalid(&mut self) {
        let example = json!({ "detail": [{
            "type": "missing",
            "loc": ["body", "title"],
            "msg": "Field required",
        }] });
        let schema = self.schema::<ValidationDetail>();
        let content = ContentBuilder::new().schema(Some(schema)).example(Some(example)).build();
        let response = ResponseBuilder::new().description("The problems of the request");
        let response = response.content("application/json", content).build();
        self.share(422, "ValidationProblems".to_owned(), response);
    }

    /// Adds an error that operations share.
    pub(crate) fn error(&mut self, error: &ErrorResponse) {
        let response = errors::response(error.description, &error.error());
        self.share(error.error().status_code().as_u16(), error.name.to_owned(), response);
    }

    /// Adds the errors that every operation can answer with.
    pub(crate) fn finish(&mut self) {
        self.error(&errors::INTERNAL);
        self.error(&errors::UNAVAILABLE);
    }

    /// Keeps the first of two responses with one status.
    fn share(&mut self, status: u16, name: String, response: Response) {
        let responses = &mut self.operation.responses.responses;
        responses.entry(status.to_string()).or_insert_with(|| Ref::from_response_name(&name).into());
        self.schema::<Detail>();
        self.shared.entry(name).or_insert(response);
    }

    /// Sets the response of success.
    pub(crate) fn success(&mut self, status: u16, response: Response) {
        self.operation.responses.responses.insert(status.to_string(), RefOr::T(response));
    }

    /// Refers to the schema of a type and adds it, with those that it refers to, to the components.
    pub(crate) fn schema<T: ToSchema>(&mut self) -> Ref {
        let mut schemas = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut schemas);
        self.schemas.extend(schemas);
        Ref::from_schema_name(T::name())
    }

    /// The content of a body that is a `T`.
    pub(crate) fn content<T: ToSchema>(&mut self) -> Content {
        ContentBuilder::new().schema(Some(self.schema::<T>())).build()
    }
}
