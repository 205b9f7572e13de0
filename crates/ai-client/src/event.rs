//! The events of a stream that the caller receives.

use crate::Response;

/// A part of a response, sent while the model writes it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The next piece of the text.
    TextDelta(String),
    /// The complete response, as [`Client::create`](crate::Client::create) would return it. This is
    /// the last event.
    Completed(Response),
}
