#![doc = include_str!("../README.md")]

mod account;
mod error;
mod limits;
mod proxies;
mod rate_limits;

pub use account::Account;
pub use daybook_throttle::{Error, Quota, QuotaError, Refusal};
pub use error::ParseError;
pub use limits::{Attempt, AttemptLimits};
pub use proxies::TrustedProxies;
pub use rate_limits::RateLimits;
