//! Sends pipelined requests over raw sockets to a small app.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod closing;
mod harness;
mod pipelining;
mod random;
mod service;
