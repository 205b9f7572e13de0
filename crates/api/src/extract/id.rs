//! Ids in paths.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use daybook_domain::{NoteId, SessionId, TaskId};

use crate::error::ApiError;
use crate::validation::{Issue, parse_integer};

/// An id out of the path. A number that no row has is not an error here: it is not found later.
pub(crate) struct Id<T>(pub(crate) T);

/// An id that stands in a path under a name.
pub(crate) trait PathId {
    /// The name between the braces of the path.
    const NAME: &'static str;
    /// The id with this number.
    fn new(number: i64) -> Self;
}

impl PathId for NoteId {
    const NAME: &'static str = "note_id";

    fn new(number: i64) -> Self {
        Self(number)
    }
}

impl PathId for TaskId {
    const NAME: &'static str = "task_id";

    fn new(number: i64) -> Self {
        Self(number)
    }
}

impl PathId for SessionId {
    const NAME: &'static str = "session_id";

    fn new(number: i64) -> Self {
        Self(number)
    }
}

impl<T: PathId> FromRequest for Id<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = request.match_info().get(T::NAME).unwrap_or_default();
        let sentence = "Input should be a valid integer, unable to parse string as an integer";
        let issue = || {
            Issue::of_field("path", T::NAME, "int_parsing", sentence).with_input(Some(text.to_owned().into()))
        };
        ready(match parse_integer(text) {
            Some(number) => Ok(Self(T::new(number))),
            None => Err(ApiError::Invalid(vec![issue()])),
        })
    }
}
