//! Rate limits of password attempts.

use daybook_throttle::Quota;

/// How often a password may be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RateLimits {
    /// For one account, from all clients together. A client that the account knows has as many for
    /// itself.
    pub(crate) account: Quota,
    /// From one address, for all accounts together. The same number of accounts may be registered
    /// from it.
    pub(crate) address: Quota,
}

/// A person who has forgotten a password tries a handful of times. An attacker gets 1,500 attempts
/// a day, of which none is likely to be right.
const ACCOUNT: &str = "10/10m";

/// An office has one address, and right passwords do not count.
const ADDRESS: &str = "100/10m";

/// Parses `on`, `off`, or `account=10/10m,address=100/10m` with either part absent. `None` is
/// `off`.
///
/// # Errors
///
/// A sentence that has the invalid part.
pub(super) fn rate_limits(text: &str) -> Result<Option<RateLimits>, String> {
    let mut limits = RateLimits { account: quota(ACCOUNT)?, address: quota(ADDRESS)? };
    match text {
        "on" => return Ok(Some(limits)),
        "off" => return Ok(None),
        _ => {}
    }
    let form = || "must be on, off, or look like account=10/10m,address=100/10m".to_owned();
    for part in text.split(',') {
        let (name, value) = part.split_once('=').ok_or_else(form)?;
        match name.trim() {
            "account" => limits.account = quota(value)?,
            "address" => limits.address = quota(value)?,
            _ => return Err(form()),
        }
    }
    Ok(Some(limits))
}

fn quota(text: &str) -> Result<Quota, String> {
    text.trim().parse().map_err(|error| format!("has {:?}: {error}", text.trim()))
}
