#![doc = include_str!("../README.md")]

mod ended;
mod error;
mod follower;
mod revocations;
mod stream;

pub use error::Error;
pub use revocations::Revocations;
