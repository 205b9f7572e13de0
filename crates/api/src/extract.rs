//! The arguments of handlers. Each is a proof that its part of the request is valid.

mod accept;
mod body;
mod caller;
mod form;
mod id;
mod json;
mod json_or_form;
mod origin;
mod paging;
mod rules;

pub(crate) use self::accept::WantsEvents;
pub(crate) use self::body::{Body, LONG_BODY_MAX};
pub(crate) use self::caller::{Anyone, CurrentUser};
pub(crate) use self::form::ValidForm;
pub(crate) use self::id::{Id, PathId};
pub(crate) use self::json::{OptionalJson, ValidJson};
pub(crate) use self::json_or_form::JsonOrForm;
pub(crate) use self::origin::{ClientOrigin, client_of, warn_of_untrusted_proxy};
pub(crate) use self::paging::Paging;
pub(crate) use self::rules::{grant_type_rule, password_rule, refresh_grant_type_rule};
