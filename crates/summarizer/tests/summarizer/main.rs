//! Tests of the public API. Wiremock or a plain socket takes the role of the provider.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic fails the test, in its helper functions too"
)]

mod cancellation;
mod extractive;
mod faults;
mod long_notes;
mod single_flight;
mod streaming;
mod support;
