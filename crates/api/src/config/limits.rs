//! Limits, as texts say them.

use std::time::Duration;

use daybook_throttle::Quota;
use jiff::{Span, SpanRelativeTo, Unit};

/// How often a password may be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// For one account, by whomever; what a known client has for itself is as much again.
    pub account: Quota,
    /// From one address, at whatever account; and how many accounts may be opened from it.
    pub address: Quota,
}

/// A person who has forgotten the password tries a handful of times; whoever guesses gets 1,500 tries in a day, of which none is
/// likely to be right.
const ACCOUNT: (u32, Duration) = (10, Duration::from_secs(600));

/// An office has one address, and tries that are right do not count.
const ADDRESS: (u32, Duration) = (100, Duration::from_secs(600));

/// `on`, `off`, or `account=10/10m,address=100/10m` with either part left out.
pub(super) fn rate_limits(text: &str) -> Result<Option<RateLimits>, String> {
    match text {
        "on" => return default().map(Some),
        "off" => return Ok(None),
        _ => {}
    }
    let form = || "must be on, off, or look like account=10/10m,address=100/10m".to_owned();
    let mut limits = default()?;
    for part in text.split(',') {
        let (name, quota) = part.split_once('=').ok_or_else(form)?;
        let quota = quota.trim().parse().map_err(|error| format!("has {:?}: {error}", part.trim()))?;
        match name.trim() {
            "account" => limits.account = quota,
            "address" => limits.address = quota,
            _ => return Err(form()),
        }
    }
    Ok(Some(limits))
}

/// The limits unless something else is said. If these were none, that is a problem like any other: no mistake switches limits off.
pub(super) fn default() -> Result<RateLimits, String> {
    let quota = |(limit, period)| Quota::new(limit, period).map_err(|error| error.to_string());
    Ok(RateLimits { account: quota(ACCOUNT)?, address: quota(ADDRESS)? })
}

/// A time like `14d`, `12h` or `90m` in seconds: a minute at least, ten years at most.
pub(super) fn seconds(text: &str) -> Result<i64, &'static str> {
    let seconds = whole_seconds(text).filter(|seconds| (60..=315_360_000).contains(seconds));
    seconds.ok_or("must be a time between 1m and 3650d, like 14d or 12h")
}

/// How long a forecast is good for. Within a day it surely changes.
pub(super) fn weather_lifetime(text: &str) -> Result<Duration, &'static str> {
    let seconds = whole_seconds(text).filter(|seconds| (0..=86_400).contains(seconds));
    seconds
        .map(|seconds| Duration::from_secs(seconds.unsigned_abs()))
        .ok_or("must be a time between 0s and 1d, like 10m")
}

/// How long the AI provider may say nothing. Behind the summary's own deadline a longer time has no effect.
pub(super) fn silence(text: &str) -> Result<Duration, &'static str> {
    let seconds = whole_seconds(text).filter(|seconds| (1..=300).contains(seconds));
    seconds
        .map(|seconds| Duration::from_secs(seconds.unsigned_abs()))
        .ok_or("must be a time between 1s and 5m, like 60s")
}

/// A day has 24 hours.
fn whole_seconds(text: &str) -> Option<i64> {
    let span: Span = text.parse().ok()?;
    Some(span.total((Unit::Second, SpanRelativeTo::days_are_24_hours())).ok()? as i64)
}

pub(super) fn sessions(text: &str) -> Result<u32, &'static str> {
    match text.parse() {
        Ok(sessions @ 1..=1_000) => Ok(sessions),
        _ => Err("must be a number from 1 to 1000"),
    }
}
