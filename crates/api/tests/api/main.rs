//! Black-box tests of the HTTP interface. Each test starts the real binary on a free port with a
//! database of its own, and most tests run on SQLite and on PostgreSQL.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod accounts;
mod bodies;
mod circles;
mod configuration;
mod framing;
mod half_sent;
mod harness;
mod headers;
mod interop;
mod json_bodies;
mod large_pages;
mod layout;
mod legacy_hashes;
mod lifecycle;
mod login;
mod notes;
mod openapi;
mod overload;
mod paging;
mod peer_answers;
mod pipelining;
mod postgres;
mod provider_tolerance;
mod refresh;
mod resilience;
mod revocation;
mod root_path;
mod secrecy;
mod sessions;
mod slow_clients;
mod smoke;
mod summaries;
mod summary_faults;
mod summary_generation;
mod summary_streams;
mod tasks;
mod throttling;
mod timing;
mod token_commands;
mod tokens;
mod weather;
mod weather_tolerance;
