//! What can go wrong, as a caller needs to tell it apart.

use std::{ops::RangeInclusive, sync::Arc, time::Duration};

/// Shared, because one failure is told to everybody who waited for the same answer.
type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// Why there is no place or no forecast.
///
/// `Display` is one sentence that can be shown to a user: it names no address, no place and no cause. The cause, where
/// there is one, is the `source`, meant for a log; it names no address either.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The geocoder knows no such place, or what was asked for cannot be one: an empty or over-long name, coordinates
    /// off the globe.
    #[error("No place of that name is known")]
    UnknownPlace,

    /// The answer was not there at the deadline.
    #[error("The weather service did not answer in time")]
    Timeout,

    /// The service answered with a status that is neither a success nor a redirect: 5xx when it is down, 429 when it
    /// was asked too often, 4xx when it did not understand.
    #[error("The weather service is not available (status {status})")]
    Unavailable {
        /// The HTTP status, 400 to 599.
        status: u16,
        /// When to ask again, if the answer said so in seconds.
        retry_after: Option<Duration>,
    },

    /// No connection could be made, or it broke before the answer was whole.
    #[error("The weather service could not be reached")]
    Transport {
        /// What the connection failed of.
        source: Cause,
    },

    /// The answer is not what Open-Meteo documents, or tells of weather that cannot be.
    #[error("The weather service gave an answer that makes no sense")]
    Malformed {
        /// What was wrong with it.
        source: Cause,
    },

    /// The answer is longer than 256 KiB, a hundred times what the longest honest one takes.
    #[error("The weather service gave an answer that is too large")]
    TooLarge,

    /// The answer points elsewhere. It is not followed: where to ask is configuration, and a redirect could lead into
    /// a private network.
    #[error("The weather service redirected the request")]
    Redirected,

    /// The [`ClientBuilder`](crate::ClientBuilder) was given something that cannot work. No call returns this.
    #[error("The weather client cannot be built: {problem}")]
    Config {
        /// What cannot work.
        problem: &'static str,
        /// Why, where something other than the setting itself failed.
        source: Option<Cause>,
    },
}

impl Error {
    pub(crate) fn config(problem: &'static str) -> Self {
        Self::Config { problem, source: None }
    }

    pub(crate) fn malformed(cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Malformed { source: Arc::new(cause) }
    }

    pub(crate) fn implausible(what: &'static str) -> Self {
        Self::malformed(Implausible(what))
    }

    /// Sorts out reqwest's error and takes the address from it, which holds the place a user asked about.
    pub(crate) fn transport(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            Self::Timeout
        } else {
            Self::Transport { source: Arc::new(error.without_url()) }
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("implausible {0}")]
struct Implausible(&'static str);

/// Lets a value through that lies in the range. NaN and the infinities lie in none.
pub(crate) fn within(value: f64, range: RangeInclusive<f64>, what: &'static str) -> Result<f64, Error> {
    if range.contains(&value) { Ok(value) } else { Err(Error::implausible(what)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_holds_its_ends_and_no_nan() {
        assert!(within(-90.0, -90.0..=90.0, "latitude").is_ok());
        assert!(within(90.0, -90.0..=90.0, "latitude").is_ok());
        for value in [90.1, -90.1, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(
                matches!(within(value, -90.0..=90.0, "latitude"), Err(Error::Malformed { .. })),
                "{value}"
            );
        }
    }
}
