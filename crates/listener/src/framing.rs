//! Rejects requests that actix-http accepts, although a proxy can read them differently.

use std::net::Ipv6Addr;

use actix_http::body::BoxBody;
use actix_http::header::{CONTENT_LENGTH, HOST};
use actix_http::{ConnectionType, Request, Response};

use crate::body::Body;

/// Returns true if the end or the host of a request is ambiguous.
///
/// - With `Upgrade: websocket` and after `CONNECT`, actix-http can ignore a `Content-Length` and
///   read a body without an end. A proxy that ignores the upgrade sends the next request there.
/// - RFC 9112, section 3.2 requires a 400 for an invalid `Host`. actix-http rejects a missing and a
///   repeated one.
pub(crate) fn is_ambiguous(request: &Request, body: Option<Body>) -> bool {
    let headers = request.head().headers();
    let has_two_ends = body == Some(Body::Endless) && headers.contains_key(CONTENT_LENGTH);
    has_two_ends || headers.get(HOST).is_some_and(|host| !is_host(host.as_bytes()))
}

/// Returns the response to an ambiguous request. It is that of actix-http to a malformed one, and
/// ends the connection.
pub(crate) fn rejection() -> Response<BoxBody> {
    let mut response = Response::bad_request();
    response.head_mut().set_connection_type(ConnectionType::Close);
    response
}

/// Returns true for a host with an optional port (RFC 3986, section 3.2).
///
/// `http::uri::Authority` is no check. It accepts user information, ports such as `:b`, and
/// brackets within a name.
fn is_host(value: &[u8]) -> bool {
    let Ok(value) = str::from_utf8(value) else { return false };
    let host = match value.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => value,
    };
    match host.strip_prefix('[') {
        Some(literal) => literal.strip_suffix(']').is_some_and(|address| address.parse::<Ipv6Addr>().is_ok()),
        None => host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::is_host;

    #[test]
    fn is_host_accepts_a_host_with_an_optional_port() {
        for value in [
            "",
            "a",
            "a.example",
            "A_b-c.example:80",
            "a:",
            "a%20b",
            "192.0.2.1:8080",
            "[::1]",
            "[::1]:80",
            ":80",
        ] {
            assert!(is_host(value.as_bytes()), "{value:?}");
        }
    }

    #[test]
    fn is_host_rejects_all_other_values() {
        for value in [
            "a b", "a, b", "a/b", "a?b", "a#b", "a\\b", "a\tb", "a:b", "a:80:81", "a:+80", "u@a", "u:1@a",
            "@a", "@", "http://a", "[::1", "::1", "::1]", "[::1]a", "a[::1]", "[a]", "[", "é",
        ] {
            assert!(!is_host(value.as_bytes()), "{value:?}");
        }
        assert!(!is_host(b"\xff"));
    }
}
