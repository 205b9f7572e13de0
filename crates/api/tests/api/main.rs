//! The service as its clients see it: each test starts the real binary on port 0 with a database of its own, on SQLite and on
//! PostgreSQL.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test they are how it fails"
)]

mod accounts;
mod bodies;
mod circles;
mod harness;
mod headers;
mod interop;
mod layout;
mod legacy_hashes;
mod lifecycle;
mod notes;
mod openapi;
mod overload;
mod paging;
mod peer_answers;
mod resilience;
mod revocation;
mod secrecy;
mod sessions;
mod smoke;
mod summaries;
mod summary_making;
mod summary_streams;
mod tasks;
mod throttling;
mod timing;
mod token_commands;
mod tokens;
mod weather;
