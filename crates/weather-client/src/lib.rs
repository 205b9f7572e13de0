#![doc = include_str!("../README.md")]

mod breaker;
mod builder;
mod cache;
mod client;
mod condition;
mod coordinates;
mod error;
mod forecast;
mod geocoding;
mod http;
mod json;
#[cfg(test)]
mod mutation;

pub use builder::ClientBuilder;
pub use client::Client;
pub use condition::Condition;
pub use coordinates::Coordinates;
pub use error::Error;
pub use forecast::{Current, Day, Forecast};
pub use geocoding::{Place, Resolution};
