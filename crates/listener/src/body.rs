//! Finds the end of a request body.

use actix_http::header::{CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use actix_http::{Payload, Request};

use crate::chunked::Chunked;

/// The rest of a request body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// This number of bytes, at least 1.
    Length(u64),
    Chunked(Chunked),
    /// Everything until the client closes the connection, after `CONNECT` or an upgrade.
    Endless,
}

impl Body {
    /// Returns the body of a request that actix-http has decoded, or `None` if it has no body.
    ///
    /// The order of the fields is that of `set_headers` in `h1/decoder.rs` of actix-http.
    pub(crate) fn of(request: &mut Request) -> Option<Self> {
        if matches!(request.payload(), Payload::None) {
            return None;
        }
        let headers = request.head().headers();
        if headers.contains_key(TRANSFER_ENCODING) {
            return Some(Self::Chunked(Chunked::Size));
        }
        let mut upgrades = headers.get_all(UPGRADE).filter_map(|value| value.to_str().ok());
        if upgrades.any(|value| value.trim().eq_ignore_ascii_case("websocket")) {
            return Some(Self::Endless);
        }
        let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        let length: Option<u64> = length.and_then(|value| value.trim().parse().ok());
        // actix-http ignores a length of 0, so `CONNECT` has an endless body in spite of it.
        Some(length.filter(|length| *length > 0).map_or(Self::Endless, Self::Length))
    }

    /// Returns true behind a byte that no chunked body has there. The end is then not known.
    pub(crate) fn is_malformed(self) -> bool {
        self == Self::Chunked(Chunked::Invalid)
    }

    /// Advances over these bytes. Returns the number of bytes until the end of the body, or `None`
    /// if the body does not end in them.
    pub(crate) fn advance(&mut self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Length(left) => match usize::try_from(*left) {
                Ok(end) if end <= bytes.len() => Some(end),
                _ => {
                    *left -= bytes.len() as u64;
                    None
                }
            },
            Self::Chunked(chunked) => chunked.advance(bytes),
            Self::Endless => None,
        }
    }
}
