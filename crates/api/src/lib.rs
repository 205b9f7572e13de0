//! The daybook service as a library: the binary and its tests run the very same code.

pub mod commands;
pub mod config;
mod docs;
mod envelope;
mod error;
mod extract;
mod metrics;
mod openapi;
mod routes;
mod secret_file;
pub mod server;
pub mod state;
mod summarizer;
pub mod telemetry;
mod validation;

pub use openapi::document_json;
