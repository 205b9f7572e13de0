//! Where a request comes from.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest};
use daybook_domain::Origin;

use crate::endpoint::Argument;
use crate::error::ApiError;
use crate::state::State;

/// The client's address and what it calls itself.
pub(crate) struct ClientOrigin(pub(crate) Origin);

/// What browsers say of themselves has a hundred characters and some; a longer text is cut, as it is kept with every event.
const USER_AGENT_MAX: usize = 256;

impl FromRequest for ClientOrigin {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(State::of(request).map(|state| Self(origin(request, state))))
    }
}

impl Argument for ClientOrigin {}

fn origin(request: &HttpRequest, state: &State) -> Origin {
    let peer = request.peer_addr().map(|peer| peer.ip());
    let user_agent = request.headers().get(header::USER_AGENT);
    // Headers may hold bytes that are no text: each is shown as U+FFFD.
    let user_agent = user_agent.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    Origin {
        ip: peer.map(|peer| state.trusted_proxies.client(peer, request.headers())),
        user_agent: user_agent.map(|text| text.chars().take(USER_AGENT_MAX).collect()),
    }
}
