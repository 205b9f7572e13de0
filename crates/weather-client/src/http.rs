//! One GET, with every bound that reqwest does not set by itself.

use std::{sync::Arc, time::Duration};

use reqwest::{Response, header::RETRY_AFTER, redirect};
use serde::de::DeserializeOwned;
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};
use url::Url;

use crate::Error;

/// Seven days take about 1.5 KiB. This is room for whatever Open-Meteo adds, and nothing that hurts in memory.
const MAX_BODY: usize = 256 * 1024;

const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

pub(crate) struct Http {
    client: reqwest::Client,
    permits: Semaphore,
}

impl Http {
    pub(crate) fn new(connect_timeout: Duration, max_concurrency: usize) -> Result<Self, Error> {
        let client = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .redirect(redirect::Policy::none())
            .connect_timeout(connect_timeout)
            // Without this reqwest takes proxies from the environment, which is not this crate's to read.
            .no_proxy()
            .build()
            .map_err(|error| Error::Config {
                problem: "TLS could not be set up",
                source: Some(Arc::new(error)),
            })?;
        Ok(Self { client, permits: Semaphore::new(max_concurrency) })
    }

    /// Fetches and parses a JSON document, waiting for a free place and for the answer until the deadline.
    ///
    /// Dropping the future closes the connection and frees the place.
    pub(crate) async fn get<T: DeserializeOwned>(&self, url: Url, deadline: Instant) -> Result<T, Error> {
        let body = timeout_at(deadline, self.fetch(url)).await.map_err(|_| Error::Timeout)??;
        serde_json::from_slice(&body).map_err(Error::malformed)
    }

    async fn fetch(&self, url: Url) -> Result<Vec<u8>, Error> {
        // Acquiring fails on a closed semaphore only, and nothing closes this one.
        let _permit = self.permits.acquire().await;
        let response = self.client.get(url).send().await.map_err(Error::transport)?;
        read(accept(response)?).await
    }
}

fn accept(response: Response) -> Result<Response, Error> {
    let status = response.status();
    if status.is_success() {
        Ok(response)
    } else if status.is_redirection() {
        Err(Error::Redirected)
    } else {
        Err(Error::Unavailable { status: status.as_u16(), retry_after: retry_after(&response) })
    }
}

/// `Retry-After` in its form of seconds. A date is ignored: it is as good as the clocks of two machines.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// Reads the body and stops at the limit, whatever length was declared.
async fn read(mut response: Response) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Error::transport)? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(Error::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
