//! Tests that run on both databases. Each test has a database of its own.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod access;
mod accounts;
mod client;
mod concurrency;
mod deadlocks;
mod deletion;
mod fixture;
mod hang;
mod large_pages;
mod logins;
mod migrations;
mod name_keys;
mod notes;
mod plans;
mod prepared;
mod reclaim;
mod refresh;
mod retention;
mod rows;
mod sessions;
mod storage;
mod summaries;
mod unknown_names;
mod urls;
mod usage;
