use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use tracing::debug;
use url::Url;

use crate::retry::{Failure, Policy};
use crate::{ApiKey, ClientBuilder, Error, Request, Response, body, decode, rejection};

/// Longest error body that is read, in bytes. An error object has some hundreds, one that quotes the input some thousands.
const MAX_ERROR_BODY: usize = 64 * 1024;

/// A client of one provider. Clones are cheap and share its connections.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    endpoint: Url,
    key: ApiKey,
    policy: Policy,
    max_body: usize,
}

impl Client {
    /// Begins a client that sends `key`; see [`ClientBuilder`] for what else can be set.
    #[must_use]
    pub fn builder(key: ApiKey) -> ClientBuilder {
        ClientBuilder::new(key)
    }

    pub(crate) fn new(
        http: reqwest::Client,
        endpoint: Url,
        key: ApiKey,
        policy: Policy,
        max_body: usize,
    ) -> Self {
        Self(Arc::new(Inner { http, endpoint, key, policy, max_body }))
    }

    /// Asks the provider and waits for the whole answer, trying again where the crate's front page says so. Needs a tokio runtime.
    ///
    /// Dropping the future closes the connection of an attempt that is under way, which tells the provider to stop; what it had done
    /// by then it may still charge for.
    ///
    /// # Errors
    ///
    /// Every way in which there is no complete answer, a refusal included, is a variant of [`Error`]. After retries it is the error
    /// of the last attempt.
    pub async fn create(&self, request: &Request) -> Result<Response, Error> {
        let body = serde_json::to_vec(request).map(Bytes::from).map_err(|error| Error::Config {
            reason: "the request cannot be written as JSON".to_owned(),
            source: Some(error.into()),
        })?;
        let started = Instant::now();
        let outcome = self.0.policy.run(|time| self.attempt(body.clone(), time)).await;
        let model = request.model();
        let elapsed_ms = started.elapsed().as_millis();
        match &outcome {
            Ok(Response { request_id, usage, .. }) => {
                debug!(model, elapsed_ms, request_id, ?usage, "answered");
            }
            // What went wrong is for the caller to log: a rejection may quote the question.
            Err(error) => {
                debug!(model, elapsed_ms, request_id = error.request_id(), "not answered");
            }
        }
        outcome
    }

    async fn attempt(&self, body: Bytes, time: Duration) -> Result<Response, Failure> {
        let answer = self.send(body, time).await?;
        let request_id = rejection::request_id(answer.headers(), &self.0.key);
        let body = body::read(answer, self.0.max_body, request_id.as_deref()).await?;
        Ok(decode::answer(&body, request_id, &self.0.key)?)
    }

    /// Sends a request and returns once the provider has accepted it: the head of its answer is here and says 2xx. `time` also runs
    /// while the body is read.
    async fn send(&self, body: Bytes, time: Duration) -> Result<reqwest::Response, Failure> {
        let Inner { http, endpoint, key, .. } = &*self.0;
        let answer = http
            .post(endpoint.clone())
            .bearer_auth(key.expose())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            .timeout(time)
            .body(body)
            .send()
            .await
            .map_err(Error::from_http)?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let (status, headers) = (answer.status(), answer.headers().clone());
        // The status says what matters; if the words beside it cannot be read, it goes without them.
        let words = body::read(answer, MAX_ERROR_BODY, None).await.unwrap_or_default();
        Err(rejection::classify(status, &headers, &words, key, SystemTime::now()))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The query is left out: some providers take secrets there.
        let Inner { endpoint, max_body, .. } = &*self.0;
        f.debug_struct("Client")
            .field("host", &endpoint.host_str())
            .field("path", &endpoint.path())
            .field("max_body", max_body)
            .finish_non_exhaustive()
    }
}
