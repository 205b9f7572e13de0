#![doc = include_str!("../README.md")]

mod account;
mod error;
mod limits;
mod proxies;
mod rate_limits;

pub use account::Account;
pub use daybook_throttle::{Error, Quota, QuotaError, Refusal, network_of};
pub use error::ParseError;
pub use limits::{Attempt, AttemptLimits, is_about_account};
pub use proxies::TrustedProxies;
pub use rate_limits::RateLimits;
