//! The ids of a request: one that this process makes, and optionally one of the client.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

/// The header that carries an id, in requests and in responses.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id of a client, in bytes. A UUID has 36, and every log line of the request has it.
const CLIENT_ID_MAX: usize = 128;

/// Identifies a request in the log. A client cannot choose it.
#[derive(Clone, Copy)]
pub(crate) struct RequestId {
    process: u64,
    number: u64,
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{:x}", self.process, self.number)
    }
}

impl RequestId {
    /// Returns the id for the response to a client that sent none.
    pub(crate) fn to_header(self) -> HeaderValue {
        HeaderValue::try_from(self.to_string()).unwrap_or(HeaderValue::from_static("none"))
    }
}

/// Makes ids from a number drawn for the process and a counter. No two processes share an id, and
/// an id costs no randomness.
pub(crate) struct RequestIds {
    process: u64,
    next: AtomicU64,
}

impl RequestIds {
    /// # Errors
    ///
    /// When the operating system has no randomness.
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        Ok(Self { process: getrandom::u64()?, next: AtomicU64::new(1) })
    }

    /// Returns a new id.
    pub(crate) fn next(&self) -> RequestId {
        RequestId { process: self.process, number: self.next.fetch_add(1, Ordering::Relaxed) }
    }
}

/// Returns the client's own id if it is short and printable.
pub(crate) fn client_request_id(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers.get(REQUEST_ID).filter(|value| {
        (1..=CLIENT_ID_MAX).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic)
    })
}
