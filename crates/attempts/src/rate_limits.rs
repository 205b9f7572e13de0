//! The two quotas of attempts, and their text form.

use std::str::FromStr;
use std::time::Duration;

use daybook_throttle::Quota;

use crate::ParseError;

/// How often passwords may be tried.
///
/// The text form is `account=10/10m,address=100/10m`. A part that is absent keeps its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// For one account, from all clients together. A client that the account knows has the same
    /// quota for itself. The default is `10/10m`.
    pub account: Quota,
    /// From one network, for all accounts together. The same number of accounts may be registered
    /// from it. The default is `100/10m`.
    pub address: Quota,
}

const TEN_MINUTES: Duration = Duration::from_secs(10 * 60);

/// A person who has forgotten a password tries a handful of times. An attacker gets 1,500 attempts
/// a day, of which none is likely to be right.
const ACCOUNT: Quota = Quota::constant(10, TEN_MINUTES);

/// An office has one address, and right passwords do not count.
const ADDRESS: Quota = Quota::constant(100, TEN_MINUTES);

impl Default for RateLimits {
    fn default() -> Self {
        Self { account: ACCOUNT, address: ADDRESS }
    }
}

impl FromStr for RateLimits {
    type Err = ParseError;

    /// # Errors
    ///
    /// [`ParseError::RateLimits`] for another form, and [`ParseError::Quota`] for an invalid quota.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut limits = Self::default();
        for part in text.split(',') {
            let (name, value) = part.split_once('=').ok_or(ParseError::RateLimits)?;
            match name.trim() {
                "account" => limits.account = parse_quota(part, value)?,
                "address" => limits.address = parse_quota(part, value)?,
                _ => return Err(ParseError::RateLimits),
            }
        }
        Ok(limits)
    }
}

fn parse_quota(part: &str, value: &str) -> Result<Quota, ParseError> {
    let quota = value.trim().parse();
    quota.map_err(|cause| ParseError::Quota { part: part.trim().to_owned(), cause })
}

#[cfg(test)]
mod tests {
    use super::RateLimits;

    #[test]
    fn parse_keeps_the_default_of_an_absent_part() {
        let default = RateLimits::default();
        assert_eq!("account=10/10m,address=100/10m".parse(), Ok(default));
        let address = "7/30s".parse().unwrap();
        assert_eq!("address=7/30s".parse(), Ok(RateLimits { address, ..default }));
        let account = "5/1h".parse().unwrap();
        assert_eq!(" address = 7/30s , account = 5/1h ".parse(), Ok(RateLimits { account, address }));
    }

    #[test]
    fn parse_reports_the_invalid_part() {
        let form = "must look like account=10/10m,address=100/10m";
        for (text, sentence) in [
            ("", form),
            ("never", form),
            ("account=10/10m,", form),
            ("address=10/10m,user=10/10m", form),
            (
                "account= 10 ",
                "has \"account= 10\": a quota looks like 10/5m: \
                 a limit from 1 to 1000000 and a period in s, m or h",
            ),
            ("account=0/10m", "has \"account=0/10m\": a limit is a number from 1 to 1000000"),
            ("address=10/25h", "has \"address=10/25h\": a period is between 1s and 24h"),
        ] {
            assert_eq!(text.parse::<RateLimits>().unwrap_err().to_string(), sentence, "{text}");
        }
    }
}
