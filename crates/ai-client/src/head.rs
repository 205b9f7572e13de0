//! The head of a response: what its errors repeat of the headers, and the key to remove from them.

use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::{ApiKey, Error};

/// The maximum of [`Error::retry_after`], so that sums with it cannot overflow. No caller waits
/// longer.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// The headers of one response that its errors repeat, and the key of the request.
#[derive(Clone)]
pub(crate) struct Head {
    pub(crate) request_id: Option<String>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) key: ApiKey,
}

impl Head {
    pub(crate) fn new(headers: &HeaderMap, key: &ApiKey) -> Self {
        Self {
            request_id: request_id(headers, key),
            retry_after: retry_after(headers, SystemTime::now()),
            key: key.clone(),
        }
    }

    /// Returns the error for JSON that cannot be parsed.
    pub(crate) fn malformed(&self, error: &serde_json::Error) -> Error {
        // The parser's message may quote the response, so only the position is reported.
        let (kind, line, column) = (error.classify(), error.line(), error.column());
        self.malformed_because(&format!("{kind:?} error at line {line}, column {column}"))
    }

    /// Returns the error for JSON of another shape.
    pub(crate) fn malformed_because(&self, reason: &str) -> Error {
        Error::Malformed { reason: reason.to_owned(), request_id: self.request_id.clone() }
    }
}

/// Reads `x-request-id`, the provider's id of the request.
fn request_id(headers: &HeaderMap, key: &ApiKey) -> Option<String> {
    headers.get("x-request-id")?.to_str().ok().map(|id| key.sanitize(id))
}

/// Reads `retry-after-ms` or `Retry-After` (RFC 9110 section 10.2.3), at most [`RETRY_AFTER_MAX`].
///
/// `retry-after-ms` is a number of milliseconds, which OpenAI and Azure send. `Retry-After` is a
/// number of seconds or a date in one of the three forms of section 5.6.7. A date in the past gives
/// zero. An invalid value is ignored.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let millis = value("retry-after-ms").and_then(|text| text.parse::<f64>().ok());
    let delay = match millis.map(|millis| Duration::try_from_secs_f64(millis / 1_000.0)) {
        Some(Ok(delay)) => delay,
        _ => seconds_or_date(value(RETRY_AFTER.as_str())?, now)?,
    };
    Some(delay.min(RETRY_AFTER_MAX))
}

fn seconds_or_date(value: &str, now: SystemTime) -> Option<Duration> {
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // All characters are digits, so parsing fails only if the number is too large.
        return Some(value.parse().map_or(RETRY_AFTER_MAX, Duration::from_secs));
    }
    Some(httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn retry_after_of(value: &'static str) -> Option<Duration> {
        // Sun, 06 Nov 1994 08:49:37 GMT, the date in the examples of RFC 9110.
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        retry_after(&HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(value))]), now)
    }

    #[test]
    fn retry_after_reads_seconds_and_the_three_forms_of_a_date() {
        assert_eq!(retry_after_of("0"), Some(Duration::ZERO));
        assert_eq!(retry_after_of("120"), Some(Duration::from_secs(120)));
        assert_eq!(retry_after_of("Sun, 06 Nov 1994 08:50:37 GMT"), Some(Duration::from_secs(60)));
        assert_eq!(retry_after_of("Sunday, 06-Nov-94 08:50:37 GMT"), Some(Duration::from_secs(60)));
        assert_eq!(retry_after_of("Sun Nov  6 08:50:37 1994"), Some(Duration::from_secs(60)));
    }

    #[test]
    fn retry_after_in_the_past_is_zero_and_a_long_one_is_limited() {
        assert_eq!(retry_after_of("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(retry_after_of("99999999999999999999999"), Some(RETRY_AFTER_MAX));
        assert_eq!(retry_after_of("Sat, 06 Nov 2094 08:49:37 GMT"), Some(RETRY_AFTER_MAX));
    }

    #[test]
    fn retry_after_ignores_an_invalid_value() {
        for garbage in ["", "-1", "1.5", "soon", "1994-11-06T08:50:37Z"] {
            assert_eq!(retry_after_of(garbage), None, "{garbage:?}");
        }
    }

    #[test]
    fn retry_after_reads_milliseconds_first() {
        let of = |pairs: &[(&'static str, &'static str)]| {
            let pairs = pairs
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            retry_after(&HeaderMap::from_iter(pairs), SystemTime::UNIX_EPOCH)
        };
        let millis = |millis| Some(Duration::from_millis(millis));
        assert_eq!(of(&[("retry-after-ms", "1500"), ("retry-after", "60")]), millis(1_500));
        assert_eq!(of(&[("retry-after-ms", "0.5")]), Some(Duration::from_micros(500)));
        assert_eq!(of(&[("retry-after-ms", "1e300")]), None);
        for garbage in ["", "soon", "-1", "NaN"] {
            assert_eq!(of(&[("retry-after-ms", garbage), ("retry-after", "60")]), millis(60_000));
        }
        assert_eq!(of(&[("retry-after-ms", "99999999999")]), Some(RETRY_AFTER_MAX));
    }
}
