//! Where a request comes from.

use std::future::{Ready, ready};
use std::net::IpAddr;

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{FromRequest, HttpRequest};
use daybook_domain::Origin;

use crate::endpoint::Argument;
use crate::error::ApiError;
use crate::state::State;

/// The address and the user agent of the client.
pub(crate) struct ClientOrigin(pub(crate) Origin);

/// In characters. Browsers send little more than 100. A longer user agent is truncated, since every
/// event stores it.
const USER_AGENT_MAX: usize = 256;

impl FromRequest for ClientOrigin {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(State::of(request).map(|state| Self(origin_of(request, state))))
    }
}

impl Argument for ClientOrigin {}

/// The address of the client, which is that of the peer unless this is a trusted proxy.
pub(crate) fn client_of(request: &HttpRequest, state: &State) -> Option<IpAddr> {
    let forwarded = request.headers().get_all(header::X_FORWARDED_FOR).map(HeaderValue::as_bytes);
    request.peer_addr().map(|peer| state.trusted_proxies.client(peer.ip(), forwarded))
}

pub(super) fn origin_of(request: &HttpRequest, state: &State) -> Origin {
    let user_agent = request.headers().get(header::USER_AGENT);
    // A header may have bytes that are not UTF-8. Each is shown as U+FFFD.
    let user_agent = user_agent.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    Origin {
        ip: client_of(request, state),
        user_agent: user_agent.map(|text| text.chars().take(USER_AGENT_MAX).collect()),
    }
}
