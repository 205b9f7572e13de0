//! What handlers take: each extractor is a proof that its part of the request is valid.

mod bearer;
mod body;
mod either;
mod form;
mod id;
mod json;
mod origin;
mod query;

pub(crate) use self::bearer::{CurrentReader, CurrentUser, authenticate, authenticate_reader};
pub(crate) use self::body::Body;
pub(crate) use self::either::JsonOrForm;
pub(crate) use self::form::ValidForm;
pub(crate) use self::id::Id;
pub(crate) use self::json::{OptionalJson, ValidJson};
pub(crate) use self::origin::ClientOrigin;
pub(crate) use self::query::{PageQuery, Paging};
