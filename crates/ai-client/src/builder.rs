//! The settings of a client, their defaults, and the checks on them.

use std::time::Duration;

use url::Url;

use crate::client::Inner;
use crate::retry::RetryPolicy;
use crate::{ApiKey, Client, Error};

const OPENAI: &str = "https://api.openai.com/v1";

/// A reasoning model can think for tens of seconds before it sends the first byte.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);

/// TCP sends a lost SYN again after 1 s and 3 s. A server that has not replied by then is down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Enough for one attempt that reaches its timeout and for a second, shorter one.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(90);

/// A small local model writes about five words a second, so this is enough for 1,500 words.
const STREAM_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// A response of 100,000 tokens takes about half of this.
const BODY_MAX: usize = 1024 * 1024;

// OpenAI's own clients use the same two values.
const BACKOFF_BASE: Duration = Duration::from_millis(500);
const BACKOFF_CAP: Duration = Duration::from_secs(8);

/// The settings of a [`Client`].
///
/// Every limit has a default that suits an interactive caller. No limit can be switched off.
pub struct ClientBuilder {
    key: ApiKey,
    base_url: Option<Url>,
    connect_timeout: Duration,
    stream_timeout: Duration,
    max_body: usize,
    retry: RetryPolicy,
}

// Defined here, so that `client` does not import `ClientBuilder`.
impl Client {
    /// Returns a builder of a client that sends `key`.
    #[must_use]
    pub fn builder(key: ApiKey) -> ClientBuilder {
        ClientBuilder::new(key)
    }
}

impl ClientBuilder {
    fn new(key: ApiKey) -> Self {
        Self {
            key,
            base_url: None,
            connect_timeout: CONNECT_TIMEOUT,
            stream_timeout: STREAM_TIMEOUT,
            max_body: BODY_MAX,
            retry: RetryPolicy {
                max_retries: 2,
                attempt_timeout: ATTEMPT_TIMEOUT,
                total_timeout: TOTAL_TIMEOUT,
                backoff_base: BACKOFF_BASE,
                backoff_cap: BACKOFF_CAP,
            },
        }
    }

    /// Sets the base URL of the provider; `https://api.openai.com/v1` by default.
    ///
    /// The client adds `/responses` to the path. A slash at the end of the path makes no
    /// difference, and a query is kept.
    #[must_use]
    pub fn base_url(mut self, url: Url) -> Self {
        self.base_url = Some(url);
        self
    }

    /// Sets the timeout of one attempt, from connecting to the last byte; 60 s by default.
    ///
    /// For a stream it limits the time until the stream begins, and then the time between two
    /// chunks. An attempt that exceeds it fails with [`Error::Timeout`].
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.retry.attempt_timeout = timeout;
        self
    }

    /// Sets the timeout for the DNS lookup, TCP and TLS together; 5 s by default.
    ///
    /// A connection that exceeds it fails with [`Error::Connect`].
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets how many retries may follow the first attempt; 2 by default, 0 for none.
    ///
    /// The README of this crate lists the failures that are retried.
    #[must_use]
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.retry.max_retries = retries;
        self
    }

    /// Sets the timeout of a call with all its attempts and backoffs; 90 s by default.
    ///
    /// For a stream it limits the time until the stream begins.
    #[must_use]
    pub fn total_timeout(mut self, timeout: Duration) -> Self {
        self.retry.total_timeout = timeout;
        self
    }

    /// Sets the timeout of a stream, from the call to the last byte; 5 minutes by default.
    ///
    /// A stream that exceeds it ends with [`Error::Timeout`].
    #[must_use]
    pub fn stream_timeout(mut self, timeout: Duration) -> Self {
        self.stream_timeout = timeout;
        self
    }

    /// Sets the maximum size of a response in bytes; 1 MiB by default.
    ///
    /// A longer response is rejected with [`Error::TooLarge`]. For a stream, `bytes` limits each
    /// line and each event, and the whole stream may be 16 times as large.
    #[must_use]
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Sets the backoff between two attempts; `base` is 500 ms and `cap` is 8 s by default.
    ///
    /// The upper bound starts at `base`, doubles with each retry and never exceeds `cap`. Each
    /// backoff is a random duration between zero and the upper bound.
    #[must_use]
    pub fn backoff(mut self, base: Duration, cap: Duration) -> Self {
        self.retry.backoff_base = base;
        self.retry.backoff_cap = cap;
        self
    }

    /// Builds the client without sending anything.
    ///
    /// A wrong key or an unreachable provider is found only by the first call.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Config`] in these cases:
    ///
    /// - The scheme of the base URL is neither `http` nor `https`.
    /// - The base URL has a user name, a password or a fragment.
    /// - A timeout or the maximum size is zero.
    /// - The base URL is `https`, and the system has no CA certificates.
    pub fn build(self) -> Result<Client, Error> {
        for (name, timeout) in [
            ("timeout", self.retry.attempt_timeout),
            ("connect timeout", self.connect_timeout),
            ("total timeout", self.retry.total_timeout),
            ("stream timeout", self.stream_timeout),
        ] {
            if timeout.is_zero() {
                return Err(Error::config(format!("the {name} is zero")));
            }
        }
        if self.max_body == 0 {
            return Err(Error::config("the maximum size of a response is zero"));
        }
        let base = match self.base_url {
            Some(base) => base,
            None => Url::parse(OPENAI).map_err(|error| Error::config(error.to_string()))?,
        };
        let endpoint = endpoint(base)?;
        let http = http_client(&endpoint, self.connect_timeout).map_err(Error::from_http)?;
        Ok(Client::new(Inner {
            http,
            endpoint,
            key: self.key,
            retry: self.retry,
            stream_timeout: self.stream_timeout,
            max_body: self.max_body,
        }))
    }
}

fn http_client(endpoint: &Url, connect_timeout: Duration) -> reqwest::Result<reqwest::Client> {
    let mut http = reqwest::Client::builder()
        .user_agent(concat!("daybook-ai-client/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(connect_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy();
    if endpoint.scheme() == "http" {
        // Redirects are not followed, so TLS is never used. Without this line, the client could not
        // be built in a container that has no CA certificates, even for a local model.
        http = http.tls_certs_only([]);
    }
    http.build()
}

/// Appends `/responses` to the base URL.
fn endpoint(mut base: Url) -> Result<Url, Error> {
    if !matches!(base.scheme(), "http" | "https") {
        return Err(Error::config("the base URL is neither http nor https"));
    }
    if !base.username().is_empty() || base.password().is_some() {
        return Err(Error::config("the base URL has a user name or a password; the key is sent in a header"));
    }
    if base.fragment().is_some() {
        return Err(Error::config("the base URL has a fragment"));
    }
    match base.path_segments_mut() {
        Ok(mut path) => path.pop_if_empty().push("responses"),
        Err(()) => return Err(Error::config("the base URL cannot have a path")),
    };
    Ok(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoint_keeps_the_path_and_the_query() {
        for (base, expected) in [
            ("http://localhost:11434/v1", "http://localhost:11434/v1/responses"),
            ("http://localhost:11434/v1/", "http://localhost:11434/v1/responses"),
            ("http://localhost:11434", "http://localhost:11434/responses"),
            (OPENAI, "https://api.openai.com/v1/responses"),
            (
                "https://a.example/openai/v1?api-version=preview",
                "https://a.example/openai/v1/responses?api-version=preview",
            ),
        ] {
            assert_eq!(endpoint(base.parse().unwrap()).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn endpoint_rejects_other_schemes_credentials_and_fragments() {
        for bad in [
            "ftp://a.example/v1",
            "data:text/plain,v1",
            "https://u@a.example",
            "https://:p@a.example",
            "https://a.example/#v1",
        ] {
            assert!(
                matches!(endpoint(bad.parse().unwrap()), Err(Error::Config { .. })),
                "{bad} was accepted"
            );
        }
    }

    #[test]
    fn build_rejects_limits_of_zero() {
        let builder = || ClientBuilder::new(ApiKey::new("sk-1").unwrap());
        for bad in [
            builder().timeout(Duration::ZERO),
            builder().connect_timeout(Duration::ZERO),
            builder().total_timeout(Duration::ZERO),
            builder().stream_timeout(Duration::ZERO),
            builder().max_body(0),
        ] {
            assert!(matches!(bad.build(), Err(Error::Config { .. })));
        }
    }
}
