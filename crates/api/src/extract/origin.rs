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

/// Warns once per process if a peer sends `X-Forwarded-For` and is not a trusted proxy.
///
/// The peer may be a client that invents the header. It may also be a proxy that is missing in the
/// setting. Then all of its clients share the limits of one address.
pub(crate) fn warn_of_untrusted_proxy(request: &HttpRequest, state: &State) {
    if state.proxy_warning.is_completed() || !request.headers().contains_key(header::X_FORWARDED_FOR) {
        return;
    }
    let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
    let Some(peer) = peer.filter(|peer| !state.trusted_proxies.contains(*peer)) else { return };
    state.proxy_warning.call_once(|| {
        tracing::warn!(
            %peer,
            "X-Forwarded-For is ignored, because the peer is not in DAYBOOK_TRUSTED_PROXIES: \
             if it is a proxy, all of its clients share the limits of its address"
        );
    });
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
