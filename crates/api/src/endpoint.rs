//! An endpoint: method, path, documentation, and a handler whose argument and return types state
//! the rest.
//!
//! The attribute [`daybook_api_macros::endpoint`] makes one of a handler. The service and the
//! OpenAPI document take the same types, so they cannot differ.

mod errors;
mod paged;
mod response;
mod serve;
mod spec;

use actix_web::http::Method;
use actix_web::{HttpRequest, Route, guard, web};

pub(crate) use self::errors::{ErrorResponse, TOO_MANY_REQUESTS};
pub(crate) use self::paged::Paged;
pub(crate) use self::response::{
    Created, Json, JsonOrEvents, List, Located, NoContent, PlainText, Respond, Undescribed, json_response,
};
pub(crate) use self::serve::{Argument, Caller, Lasting, LastingPermit, SessionCheck, SessionLookup};
use self::serve::{Described, serve};
pub(crate) use self::spec::{SECURITY_SCHEME, Spec};

/// The name of an operation and the lines of its doc comment.
#[derive(Clone, Copy)]
pub(crate) struct Documentation {
    pub(crate) id: &'static str,
    pub(crate) lines: &'static [&'static str],
}

/// A handler with its place in the URL table.
pub(crate) struct Endpoint {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    /// Who may call it, for the printed table.
    #[cfg_attr(not(test), expect(dead_code, reason = "only the test of routes.txt prints it"))]
    pub(crate) caller: &'static str,
    pub(crate) text: Documentation,
    /// Errors that only this endpoint returns.
    pub(crate) errors: &'static [&'static ErrorResponse],
    pub(crate) describe: fn(&mut Spec),
    /// Answers requests to the path with this method.
    pub(crate) route: Route,
}

impl Endpoint {
    /// Takes a handler whose first argument states who may call it.
    pub(crate) fn new<Args, H: Described<Args>>(
        method: Method,
        path: &'static str,
        text: Documentation,
        errors: &'static [&'static ErrorResponse],
        handler: H,
    ) -> Self {
        let route = route(&method).to(move |request: HttpRequest, payload: web::Payload| {
            serve(handler.clone(), request, payload.into_inner())
        });
        Self { method, path, caller: H::CALLER, text, errors, describe: H::describe, route }
    }

    /// The methods that it answers: `HEAD` comes with every `GET` (RFC 9110, section 9.3.2).
    pub(crate) fn methods(&self) -> Vec<&str> {
        let head = (self.method == Method::GET).then_some("HEAD");
        [self.method.as_str()].into_iter().chain(head).collect()
    }
}

/// The server drops the body of an answer to `HEAD` and keeps its `Content-Length`.
fn route(method: &Method) -> Route {
    if *method == Method::GET {
        web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
    } else {
        web::method(method.clone())
    }
}

#[cfg(test)]
mod tests;
