//! The client against servers that answer well, badly and not at all.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report, in its helpers too")]

mod faults;
mod matrix;
mod outcomes;
mod rejections;
mod secrets;
mod streaming;
mod success;
mod support;
