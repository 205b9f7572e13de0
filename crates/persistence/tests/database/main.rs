//! The tests that both databases must pass, each with its own database.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod accounts;
mod client;
mod concurrency;
mod fixture;
mod logins;
mod migrations;
mod notes;
mod plans;
mod refresh;
mod sessions;
mod summaries;
mod usage;
