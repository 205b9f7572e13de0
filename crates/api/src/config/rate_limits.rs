//! `DAYBOOK_RATE_LIMIT`: the quotas of password attempts and of each user's requests.

use std::time::Duration;

use daybook_attempts::{ParseError, RateLimits};
use daybook_throttle::Quota;

use crate::user_limits::UserRateLimits;

/// How often clients may guess passwords, and how often users may ask for what costs much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RateLimitConfig {
    pub(crate) attempts: RateLimits,
    pub(crate) users: UserRateLimits,
}

const MINUTE: Duration = Duration::from_secs(60);
const TEN_MINUTES: Duration = Duration::from_secs(10 * 60);

/// 20 a second is more than a person or a client that synchronizes needs, and about a hundredth of
/// what a process can store.
const WRITE: Quota = Quota::constant(1_200, MINUTE);

/// A summary costs money, or keeps a core busy for some hundredths of a second.
const SUMMARY: Quota = Quota::constant(60, MINUTE);

/// A tenth of the 600 calls a minute that Open-Meteo allows.
const WEATHER: Quota = Quota::constant(60, MINUTE);

/// A session needs one refresh in 30 minutes. Several tabs, or a client that starts often, make
/// more. Each refresh is a write, and adds an event.
const REFRESH: Quota = Quota::constant(300, TEN_MINUTES);

impl Default for RateLimitConfig {
    fn default() -> Self {
        let users = UserRateLimits { write: WRITE, summary: SUMMARY, weather: WEATHER, refresh: REFRESH };
        Self { attempts: RateLimits::default(), users }
    }
}

/// Parses `on`, `off` (which is `None`), or a list of parts like `account=10/10m`. A part that is
/// absent keeps its default.
///
/// # Errors
///
/// A sentence whose subject is the setting.
pub(super) fn parse(text: &str) -> Result<Option<RateLimitConfig>, String> {
    match text {
        "on" => Ok(Some(RateLimitConfig::default())),
        "off" => Ok(None),
        _ => parts(text).map(Some),
    }
}

fn parts(text: &str) -> Result<RateLimitConfig, String> {
    let mut limits = RateLimitConfig::default();
    let mut of_attempts = Vec::new();
    for part in text.split(',') {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let users = &mut limits.users;
        let quota = match name.trim() {
            "write" => &mut users.write,
            "summary" => &mut users.summary,
            "weather" => &mut users.weather,
            "refresh" => &mut users.refresh,
            _ => {
                of_attempts.push(part);
                continue;
            }
        };
        *quota = value.trim().parse().map_err(|cause| format!("has {:?}: {cause}", part.trim()))?;
    }
    if !of_attempts.is_empty() {
        limits.attempts = of_attempts.join(",").parse().map_err(sentence)?;
    }
    Ok(limits)
}

fn sentence(error: ParseError) -> String {
    match error {
        ParseError::RateLimits => "must be on, off, or look like account=10/10m,write=1200/1m; \
             the parts are account, address, write, summary, weather and refresh"
            .to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(text: &str) -> Quota {
        text.parse().unwrap()
    }

    #[test]
    fn parse_keeps_the_default_of_an_absent_part() {
        let default = RateLimitConfig::default();
        assert_eq!(parse("on"), Ok(Some(default)));
        assert_eq!(parse("off"), Ok(None));
        let RateLimitConfig { attempts, users } =
            parse(" write = 7/30s ,account=5/1h, refresh=1/1s").unwrap().unwrap();
        assert_eq!((users.write, users.refresh), (quota("7/30s"), quota("1/1s")));
        assert_eq!((users.summary, users.weather), (SUMMARY, WEATHER));
        assert_eq!((attempts.account, attempts.address), (quota("5/1h"), default.attempts.address));
    }

    #[test]
    fn parse_reports_the_invalid_part() {
        for (text, part) in [
            ("write", "write"),
            ("write=", "write="),
            ("write=0/1m,account=10/10m", "write=0/1m"),
            ("account=10/10m,summary=1/25h", "summary=1/25h"),
            ("weather=10/10m,account=0/10m", "account=0/10m"),
        ] {
            let sentence = parse(text).unwrap_err();
            assert!(sentence.contains(&format!("{part:?}")), "{text}: {sentence}");
        }
        for text in ["", "never", "write=1/1s,", "write=1/1s,user=10/10m", "on,write=1/1s"] {
            let sentence = parse(text).unwrap_err();
            assert!(sentence.contains("write, summary"), "{text}: {sentence}");
        }
    }
}
