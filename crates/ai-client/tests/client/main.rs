//! The client with servers that send valid responses, invalid ones or none.
#![expect(clippy::unwrap_used, reason = "a panic fails the test, in its helper functions too")]

mod faults;
mod matrix;
mod outcomes;
mod rejections;
mod secrets;
mod streaming;
mod success;
mod support;
mod tolerance;
