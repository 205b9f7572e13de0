//! Ids in paths.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use daybook_domain::{NoteId, SessionId, TaskId};
use utoipa::ToSchema;
use utoipa::openapi::Required;
use utoipa::openapi::path::{ParameterBuilder, ParameterIn};

use super::rules::PARSER;
use crate::endpoint::{Argument, ErrorResponse, Spec};
use crate::error::{ApiError, NOTE_NOT_FOUND, TASK_NOT_FOUND};

/// An id in the path. A number that no row has is not an error here: the query does not find it.
pub(crate) struct Id<T>(pub(crate) T);

/// An id that stands in a path under a name.
pub(crate) trait PathId: 'static {
    /// The name between the braces of the path.
    const NAME: &'static str;
    /// The name of the error response among those that operations share.
    const RESPONSE: &'static str;
    /// The sentence of the error if the user has no such row.
    const NOT_FOUND: &'static str;

    /// The id with this number.
    fn new(number: i64) -> Self;
}

macro_rules! path_id {
    ($id:ident, $name:literal, $response:literal, $sentence:expr) => {
        impl PathId for $id {
            const NAME: &'static str = $name;
            const RESPONSE: &'static str = $response;
            const NOT_FOUND: &'static str = $sentence;

            fn new(number: i64) -> Self {
                Self(number)
            }
        }
    };
}

path_id!(NoteId, "note_id", "NoteNotFound", NOTE_NOT_FOUND);
path_id!(TaskId, "task_id", "TaskNotFound", TASK_NOT_FOUND);
path_id!(SessionId, "session_id", "SessionNotFound", "Session not found");

impl<T: PathId + ToSchema> Argument for Id<T> {
    fn describe(spec: &mut Spec) {
        let parameter = ParameterBuilder::new().name(T::NAME).parameter_in(ParameterIn::Path);
        let parameter = parameter.required(Required::True).schema(Some(spec.schema::<T>()));
        spec.path_parameters.push(T::NAME);
        spec.parameter(parameter.build());
        spec.error(&ErrorResponse {
            name: T::RESPONSE,
            description: "There is none with this id, or it belongs to another user",
            error: || ApiError::NotFound(T::NOT_FOUND),
        });
    }
}

impl<T: PathId> FromRequest for Id<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = request.match_info().get(T::NAME).unwrap_or_default();
        let number = PARSER.path(T::NAME, text).map_err(ApiError::Invalid);
        ready(number.map(|number| Self(T::new(number))))
    }
}
