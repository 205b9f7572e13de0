//! The tests that both databases must pass, each with its own database.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod accounts;
mod concurrency;
mod fixture;
mod migrations;
mod notes;
mod plans;
mod sessions;
mod summaries;
