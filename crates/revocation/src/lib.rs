#![doc = include_str!("../README.md")]

mod background_task;
mod ended;
mod error;
mod revocations;
mod stream;

pub use error::Error;
pub use revocations::Revocations;
