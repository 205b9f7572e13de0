//! The daybook service as a library: the binary and its tests run the very same code.

mod audit;
mod client_address;
pub mod commands;
pub mod config;
mod endpoint;
mod envelope;
mod error;
mod extract;
mod limiter;
mod metrics;
mod openapi;
mod places;
mod revocation;
mod routes;
mod seats;
mod secret_file;
pub mod server;
pub mod state;
mod summaries;
pub mod telemetry;
mod uses;
mod validation;

pub use client_address::TrustedProxies;
pub use openapi::document_json;
