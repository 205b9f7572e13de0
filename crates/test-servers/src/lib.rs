#![doc = include_str!("../README.md")]
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test without its server must fail, with the reason"
)]

mod postgres;
mod process;
mod redis;

pub use postgres::{Postgres, PostgresSession, SuspendedPostgres, TestDatabase};
pub use process::free_port;
pub use redis::{Redis, SuspendedRedis};
