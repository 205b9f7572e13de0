#![doc = include_str!("../README.md")]

mod bucket;
mod concurrency;
mod connection;
mod decision;
mod error;
mod local;
mod quota;
mod shared;
mod throttle;

pub use bucket::Bucket;
pub use concurrency::{Concurrency, Full, Permit};
pub use error::Error;
pub use quota::{Quota, QuotaError};
pub use throttle::{Refusal, Throttle};
