//! Starts the service, sends it requests, and mocks the servers that it calls.

mod answer;
mod checks;
mod events;
pub(crate) mod jwt;
mod mocks;
pub(crate) mod operations;
mod scripted;
mod server;
mod small_disk;

use std::time::Duration;

pub(crate) use answer::Answer;
pub(crate) use checks::{eventually, text, timestamp};
pub(crate) use events::Events;
pub(crate) use mocks::{provider, weather};
pub(crate) use scripted::{Exchange, ScriptedProvider};
pub(crate) use server::{
    Kind, PROVIDER_KEY, SECRET, SHUTDOWN_TIMEOUT, Server, Start, Tokens, unreachable_postgres,
};

pub(crate) use small_disk::SmallDisk;

/// A password that the policy accepts.
pub(crate) const PASSWORD: &str = "pass123word";

/// The timeout of a test on both databases. The longest test of `just prove` takes ten minutes.
pub(crate) const TEST_TIMEOUT: Duration = Duration::from_secs(30 * 60);
