#![doc = include_str!("../README.md")]

mod builder;
mod cache;
mod client;
mod condition;
mod error;
mod forecast;
mod geocoding;
mod http;

pub use builder::Builder;
pub use client::{Client, Report};
pub use condition::Condition;
pub use error::Error;
pub use forecast::{Current, Day, Forecast};
pub use geocoding::{Place, Resolution};
