//! Reads from `Accept` whether the client wants server-sent events.

use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{Accept, Header, Quality};
use actix_web::{FromRequest, HttpRequest};

use crate::endpoint::Argument;

/// True if the client accepts server-sent events. Any other client gets its answer in one piece.
pub(crate) struct WantsEvents(pub(crate) bool);

impl FromRequest for WantsEvents {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let accepted = Accept::parse(request).map(|accept| accept.0).unwrap_or_default();
        // `q=0` excludes a type (RFC 9110, section 12.4.2).
        let wants_events = accepted.iter().any(|accepted| {
            accepted.item.essence_str() == "text/event-stream" && accepted.quality > Quality::ZERO
        });
        ready(Ok(Self(wants_events)))
    }
}

impl Argument for WantsEvents {}
