//! The client against servers with valid, invalid and missing responses.
#![expect(clippy::unwrap_used, reason = "a panic fails the test, in its helper functions too")]

mod faults;
mod matrix;
mod outcomes;
mod rejections;
mod secrets;
mod streaming;
mod success;
mod support;
