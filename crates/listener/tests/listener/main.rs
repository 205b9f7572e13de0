//! Sends requests over raw sockets to a small app.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod closing;
mod deadlines;
mod harness;
mod limits;
mod pipelining;
mod random;
mod service;
