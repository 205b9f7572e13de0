#![doc = include_str!("../README.md")]

mod error;
mod limits;
mod proxies;
mod rate_limits;
mod subject;

pub use daybook_throttle::{Quota, QuotaError, Refusal, Throttle};
pub use error::ParseError;
pub use limits::{Attempt, AttemptLimits};
pub use proxies::TrustedProxies;
pub use rate_limits::RateLimits;
pub use subject::Subject;
