//! The daybook service. The binary calls [`run`] and nothing else.

mod commands;
mod config;
mod endpoint;
mod error;
mod extract;
mod failure;
mod hashing;
mod jobs;
mod memory_limit;
mod metrics;
mod middleware;
mod network_limits;
mod openapi;
mod password;
mod quotas;
mod request_id;
mod root_path;
mod routes;
mod server;
mod sessions;
mod shared_body;
mod state;
mod summaries;
mod telemetry;
mod token_keys;
mod user_limits;
mod verify_time;

pub use commands::run;
