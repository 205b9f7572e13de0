//! GET requests with limits that reqwest does not set by default.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Response;
use reqwest::header::RETRY_AFTER;
use reqwest::redirect::Policy;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::breaker::{Breaker, Verdict};
use crate::error::Error;

/// The maximum size of a response. A forecast takes about 2 KiB, and 50 search results about 20
/// KiB. The limit leaves room for fields that Open-Meteo may add, and protects the memory.
const BODY_BYTES_MAX: usize = 256 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// How long a provider is not called after a 429 without `Retry-After`: the shortest period of
/// Open-Meteo's limits.
const RATE_LIMIT_PAUSE: Duration = Duration::from_secs(60);

/// The longest effect of `Retry-After` on other calls. Then one call finds out whether it still
/// holds.
const RATE_LIMIT_PAUSE_MAX: Duration = Duration::from_secs(60 * 60);

/// The shortest effect of `Retry-After`. A value of 0 must not allow the next call at once.
const RATE_LIMIT_PAUSE_MIN: Duration = Duration::from_secs(1);

pub(crate) struct Http {
    client: reqwest::Client,
    permits: Semaphore,
    /// The wait for a permit ends this long before the deadline.
    fetch_time: Duration,
}

/// One of the two APIs, which may have servers of their own.
pub(crate) struct Provider {
    pub(crate) endpoint: Url,
    breaker: Breaker,
}

impl Provider {
    /// Returns a provider that is not called for `pause` after several failures in a row.
    pub(crate) fn new(endpoint: Url, pause: Duration) -> Self {
        Self { endpoint, breaker: Breaker::new(pause) }
    }

    /// Returns [`Error::Paused`] if the provider is not called now.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.breaker.wait(Instant::now()).map_or(Ok(()), |retry_after| Err(Error::Paused { retry_after }))
    }
}

impl Http {
    /// Sets up TLS and the connection pool. Opens no connection. `timeout` is the time from the
    /// start of a call to its deadline.
    pub(crate) fn new(
        timeout: Duration,
        connect_timeout: Duration,
        max_concurrency: usize,
    ) -> Result<Self, Error> {
        let client = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .redirect(Policy::none())
            .connect_timeout(connect_timeout)
            // By default, reqwest reads proxies from the environment, which a library should not
            // do.
            .no_proxy()
            .build()
            .map_err(|error| Error::Config {
                problem: "TLS could not be set up",
                source: Some(Arc::new(error)),
            })?;
        Ok(Self { client, permits: Semaphore::new(max_concurrency), fetch_time: timeout / 2 })
    }

    /// Fetches and parses a JSON document. Gives up if there is no permit after half of the
    /// timeout. Otherwise a request could begin so late that it fails for this reason alone, and
    /// five such failures would pause the provider.
    ///
    /// Dropping the future closes the connection and releases the permit.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        provider: &Provider,
        url: Url,
        deadline: Instant,
    ) -> Result<T, Error> {
        // `acquire` fails only if the semaphore is closed. This one is never closed.
        let permit = timeout_at(deadline - self.fetch_time, self.permits.acquire());
        let _permit = permit.await.map_err(|_| Error::Timeout)?;
        let call = provider.breaker.enter(Instant::now());
        let call = call.map_err(|retry_after| Error::Paused { retry_after })?;
        let body = timeout_at(deadline, self.fetch(url)).await.unwrap_or(Err(Error::Timeout));
        call.report(verdict(&body), Instant::now());
        let body = body?;
        let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&body);
        serde_json::from_slice(body).map_err(Error::malformed)
    }

    async fn fetch(&self, url: Url) -> Result<Vec<u8>, Error> {
        let response = self.client.get(url).send().await.map_err(Error::transport)?;
        read_body(check_status(response)?).await
    }
}

/// Returns what a response shows about its provider. A 4xx may be due to the place that a user
/// requested. If it counted as a failure, a user could stop the calls of all others.
fn verdict(body: &Result<Vec<u8>, Error>) -> Verdict {
    match body {
        Err(Error::Unavailable { status: 429, retry_after }) => Verdict::Limited(
            retry_after.unwrap_or(RATE_LIMIT_PAUSE).clamp(RATE_LIMIT_PAUSE_MIN, RATE_LIMIT_PAUSE_MAX),
        ),
        Err(Error::Unavailable { status: 500.., .. } | Error::Timeout | Error::Transport { .. }) => {
            Verdict::Down
        }
        _ => Verdict::Alive,
    }
}

fn check_status(response: Response) -> Result<Response, Error> {
    let status = response.status();
    if status.is_success() {
        Ok(response)
    } else if status.is_redirection() {
        Err(Error::Redirected)
    } else {
        Err(Error::Unavailable { status: status.as_u16(), retry_after: retry_after(&response) })
    }
}

/// Returns `Retry-After` if it is a number of seconds. A date is ignored, because the clocks of the
/// two machines may differ.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// Reads the body up to the limit, even if the response declares no length.
async fn read_body(mut response: Response) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Error::transport)? {
        if body.len() + chunk.len() > BODY_BYTES_MAX {
            return Err(Error::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
