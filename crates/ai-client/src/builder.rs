use std::time::Duration;

use url::Url;

use crate::retry::Policy;
use crate::{ApiKey, Client, Error};

const OPENAI: &str = "https://api.openai.com/v1";

/// Settings of a [`Client`]. Every limit has a default that suits an interactive caller, and none can be switched off.
pub struct ClientBuilder {
    key: ApiKey,
    base_url: Option<Url>,
    timeout: Duration,
    connect_timeout: Duration,
    max_retries: u32,
    total_deadline: Duration,
    stream_deadline: Duration,
    max_body: usize,
    backoff_base: Duration,
    backoff_cap: Duration,
}

impl ClientBuilder {
    pub(crate) fn new(key: ApiKey) -> Self {
        Self {
            key,
            base_url: None,
            // A reasoning model thinks for tens of seconds before it says anything.
            timeout: Duration::from_secs(60),
            // A lost SYN is sent again after 1 s and 3 s; whoever has not answered by then is down.
            connect_timeout: Duration::from_secs(5),
            max_retries: 2,
            // One attempt that uses all of its time, and a shorter second one.
            total_deadline: Duration::from_secs(90),
            // A small model on one's own machine writes a handful of words in a second.
            stream_deadline: Duration::from_secs(5 * 60),
            // 100,000 tokens of text are about half of it.
            max_body: 1024 * 1024,
            // What OpenAI's own clients begin and end with.
            backoff_base: Duration::from_millis(500),
            backoff_cap: Duration::from_secs(8),
        }
    }

    /// Where the provider is, `https://api.openai.com/v1` by default. `/responses` is added to its path, a slash at its end makes no
    /// difference, and a query is kept.
    #[must_use]
    pub fn base_url(mut self, url: Url) -> Self {
        self.base_url = Some(url);
        self
    }

    /// Longest time of one attempt, from connecting to the last byte; 60 s by default. Reaching it is [`Error::Timeout`]. Of a stream it is the
    /// longest time until it begins, and the longest silence in it.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Longest time to look up the name, connect and agree on TLS; 5 s by default. Reaching it is [`Error::Connect`].
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How many attempts may follow the first; 2 by default, 0 for none. The crate's front page says which failures they are for.
    #[must_use]
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.max_retries = retries;
        self
    }

    /// Longest time of a call, all attempts and waits together; 90 s by default. Of a stream it is the longest time until it begins.
    #[must_use]
    pub fn total_deadline(mut self, deadline: Duration) -> Self {
        self.total_deadline = deadline;
        self
    }

    /// Longest time of a stream, from the call to its last byte; 5 minutes by default. Reaching it is [`Error::Timeout`].
    #[must_use]
    pub fn stream_deadline(mut self, deadline: Duration) -> Self {
        self.stream_deadline = deadline;
        self
    }

    /// Longest answer in bytes; 1 MiB by default. A longer one is [`Error::TooLarge`].
    #[must_use]
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// The waits between attempts are drawn from zero to `base`, doubled each time, and never beyond `cap`; 500 ms and 8 s by default.
    #[must_use]
    pub fn backoff(mut self, base: Duration, cap: Duration) -> Self {
        self.backoff_base = base;
        self.backoff_cap = cap;
        self
    }

    /// Makes the client. Nothing is sent yet, so a wrong key or an unreachable provider shows only at the first call.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if the base URL is not plain `http` or `https`, holds a user, a password or a fragment; if a time or the
    /// size of an answer is zero; or if the system has no certificates to verify `https` with.
    pub fn build(self) -> Result<Client, Error> {
        for (name, time) in [
            ("timeout", self.timeout),
            ("connect timeout", self.connect_timeout),
            ("total deadline", self.total_deadline),
            ("stream deadline", self.stream_deadline),
        ] {
            if time.is_zero() {
                return Err(Error::config(format!("the {name} is zero")));
            }
        }
        if self.max_body == 0 {
            return Err(Error::config("the size limit of an answer is zero"));
        }
        let base = match self.base_url {
            Some(base) => base,
            None => Url::parse(OPENAI).map_err(|error| Error::config(error.to_string()))?,
        };
        let endpoint = endpoint(base)?;
        let http = http(&endpoint, self.connect_timeout).map_err(Error::from_http)?;
        let policy = Policy {
            max_retries: self.max_retries,
            attempt_timeout: self.timeout,
            total_deadline: self.total_deadline,
            backoff_base: self.backoff_base,
            backoff_cap: self.backoff_cap,
        };
        Ok(Client::new(http, endpoint, self.key, policy, self.stream_deadline, self.max_body))
    }
}

fn http(endpoint: &Url, connect_timeout: Duration) -> reqwest::Result<reqwest::Client> {
    let mut http = reqwest::Client::builder()
        .user_agent(concat!("daybook-ai-client/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(connect_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy();
    if endpoint.scheme() == "http" {
        // Without redirects TLS cannot come up, and a container with a local model need have no certificates.
        http = http.tls_certs_only([]);
    }
    http.build()
}

fn endpoint(mut base: Url) -> Result<Url, Error> {
    if !matches!(base.scheme(), "http" | "https") {
        return Err(Error::config("the base URL is neither http nor https"));
    }
    if !base.username().is_empty() || base.password().is_some() {
        return Err(Error::config("the base URL holds a user or a password; the key goes in a header"));
    }
    if base.fragment().is_some() {
        return Err(Error::config("the base URL has a fragment"));
    }
    match base.path_segments_mut() {
        Ok(mut path) => path.pop_if_empty().push("responses"),
        Err(()) => return Err(Error::config("the base URL cannot be extended")),
    };
    Ok(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoint_keeps_path_and_query_with_or_without_a_slash() {
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
    fn endpoint_refuses_what_is_no_base() {
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
    fn build_refuses_limits_of_zero() {
        let builder = || ClientBuilder::new(ApiKey::new("sk-1").unwrap());
        for bad in [
            builder().timeout(Duration::ZERO),
            builder().connect_timeout(Duration::ZERO),
            builder().total_deadline(Duration::ZERO),
            builder().stream_deadline(Duration::ZERO),
            builder().max_body(0),
        ] {
            assert!(matches!(bad.build(), Err(Error::Config { .. })));
        }
    }
}
