//! The daybook service. The binary calls [`run`] and nothing else.

mod commands;
mod config;
mod endpoint;
mod error;
mod extract;
mod failure;
mod metrics;
mod middleware;
mod openapi;
mod request_id;
mod routes;
mod secret_file;
mod server;
mod sessions;
mod state;
mod summaries;
mod telemetry;

pub use commands::run;
