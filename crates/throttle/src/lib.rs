#![doc = include_str!("../README.md")]

mod bucket;
mod concurrency;
mod counters;
mod error;
mod quota;
mod redis;
mod throttle;

pub use bucket::Bucket;
pub use concurrency::{Concurrency, Full, Permit};
pub use error::Error;
pub use quota::{Quota, QuotaError};
pub use throttle::{Refusal, Throttle};
