//! `Spec`: collects the OpenAPI description of one operation from its argument and return types.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::mem;

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
    /// The errors by their status.
    errors: BTreeMap<u16, Errors>,
}

/// The errors of one status. An operation has one response for each status.
struct Errors {
    names: Vec<String>,
    /// The response of the first error, with the descriptions of all.
    response: Response,
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
        self.add_error(413, format!("BodyLargerThan{max}"), too_large);
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
        self.add_error(422, "ValidationProblems".to_owned(), response);
    }

    /// Adds an error. Errors with the same status share one response, which lists them.
    pub(crate) fn error(&mut self, error: &ErrorResponse) {
        let response = errors::response(error.description, &error.error());
        self.add_error(error.error().status_code().as_u16(), error.name.to_owned(), response);
    }

    /// Adds the errors that every operation can answer with, and then the responses of all errors.
    /// A response of its own handler has precedence.
    pub(crate) fn finish(&mut self) {
        self.error(&errors::INTERNAL);
        self.error(&errors::UNAVAILABLE);
        self.schema::<Detail>();
        for (status, Errors { names, response }) in mem::take(&mut self.errors) {
            let response = match names.as_slice() {
                [name] => {
                    self.shared.insert(name.clone(), response);
                    Ref::from_response_name(name).into()
                }
                _ => RefOr::T(response),
            };
            self.operation.responses.responses.entry(status.to_string()).or_insert(response);
        }
    }

    fn add_error(&mut self, status: u16, name: String, response: Response) {
        match self.errors.entry(status) {
            Entry::Vacant(entry) => drop(entry.insert(Errors { names: vec![name], response })),
            Entry::Occupied(entry) => entry.into_mut().join(name, &response),
        }
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

impl Errors {
    /// Adds the description of another error, unless it is already there.
    fn join(&mut self, name: String, other: &Response) {
        if self.names.contains(&name) {
            return;
        }
        self.names.push(name);
        let mut rest = other.description.chars();
        let first = rest.next().map(|first| first.to_ascii_lowercase());
        self.response.description.push_str("; or ");
        self.response.description.extend(first.into_iter().chain(rest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::TOO_MANY_REQUESTS;

    const OTHER: ErrorResponse = ErrorResponse {
        name: "Other",
        description: "Another limit",
        error: || ApiError::BudgetReserved { quota: 0 },
    };

    #[test]
    fn finish_joins_the_errors_of_one_status() {
        let mut spec = Spec::default();
        for error in [&OTHER, &errors::BODY_TIMEOUT, &TOO_MANY_REQUESTS, &OTHER] {
            spec.error(error);
        }
        spec.finish();
        let responses = &spec.operation.responses.responses;
        let RefOr::T(joined) = &responses["429"] else { panic!("two errors have no shared response") };
        let expected = "Another limit; or the user sends too many such requests, \
                        or has too many in flight; see `Retry-After`";
        assert_eq!(joined.description, expected);
        assert!(matches!(&responses["408"], RefOr::Ref(_)));
        assert_eq!(spec.shared.keys().collect::<Vec<_>>(), ["BodyTimeout", "InternalError", "Unavailable"]);
    }
}
