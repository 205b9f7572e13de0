use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use tracing::debug;
use url::Url;

use crate::retry::{Failure, Policy};
use crate::stream::{Limits, Source};
use crate::{ApiKey, ClientBuilder, Error, Request, Response, ResponseStream, body, decode, rejection};

/// Longest error body that is read, in bytes. An error object has some hundreds, one that quotes the input some thousands.
const MAX_ERROR_BODY: usize = 64 * 1024;

const JSON: &str = "application/json";
const EVENT_STREAM: &str = "text/event-stream";

/// A client of one provider. Clones are cheap and share its connections.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    endpoint: Url,
    key: ApiKey,
    policy: Policy,
    stream_deadline: Duration,
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
        stream_deadline: Duration,
        max_body: usize,
    ) -> Self {
        Self(Arc::new(Inner { http, endpoint, key, policy, stream_deadline, max_body }))
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
        let body = json(request)?;
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

    /// Asks the provider and hands over the answer while it is written (`"stream": true`). Returns once the provider has taken the request;
    /// until then it is tried again as by [`create`](Self::create), and never after, since part of the answer may have been shown.
    ///
    /// A server that answers in one piece all the same gives a stream of one piece.
    ///
    /// The [timeout](ClientBuilder::timeout) is how long the provider may take to begin, and how long it may say nothing then; the
    /// [deadline](ClientBuilder::stream_deadline) bounds the whole.
    ///
    /// # Errors
    ///
    /// Those that come before an answer; what goes wrong after that comes out of the stream.
    pub async fn stream(&self, request: &Request) -> Result<ResponseStream, Error> {
        #[derive(serde::Serialize)]
        struct Streamed<'a> {
            #[serde(flatten)]
            request: &'a Request,
            stream: bool,
        }
        let body = json(&Streamed { request, stream: true })?;
        let deadline = tokio::time::Instant::now() + self.0.stream_deadline;
        self.0.policy.run(|time| self.open(body.clone(), time, deadline)).await
    }

    async fn open(
        &self,
        body: Bytes,
        time: Duration,
        deadline: tokio::time::Instant,
    ) -> Result<ResponseStream, Failure> {
        let Inner { key, max_body, policy, .. } = &*self.0;
        let whole = deadline.saturating_duration_since(tokio::time::Instant::now());
        let begun = tokio::time::timeout(time, self.send(body, whole, EVENT_STREAM));
        let answer = begun.await.unwrap_or(Err(Error::Timeout.into()))?;
        let request_id = rejection::request_id(answer.headers(), key);
        let kind = answer.headers().get(CONTENT_TYPE).map(|kind| kind.as_bytes().to_ascii_lowercase());
        // Anything else is the answer in one piece, or none at all.
        if !kind.is_some_and(|kind| kind.starts_with(EVENT_STREAM.as_bytes())) {
            let body = body::read(answer, *max_body, request_id.as_deref()).await?;
            return Ok(ResponseStream::whole(decode::answer(&body, request_id, key)?));
        }
        let limits = Limits { silence: policy.attempt_timeout, deadline, max_body: *max_body };
        Ok(ResponseStream::new(Source::new(answer, request_id, key.clone(), limits)))
    }

    async fn attempt(&self, body: Bytes, time: Duration) -> Result<Response, Failure> {
        let answer = self.send(body, time, JSON).await?;
        let request_id = rejection::request_id(answer.headers(), &self.0.key);
        let body = body::read(answer, self.0.max_body, request_id.as_deref()).await?;
        Ok(decode::answer(&body, request_id, &self.0.key)?)
    }

    /// Sends a request and returns once the provider has accepted it: the head of its answer is here and says 2xx. `time` also runs
    /// while the body is read.
    async fn send(
        &self,
        body: Bytes,
        time: Duration,
        accept: &'static str,
    ) -> Result<reqwest::Response, Failure> {
        let Inner { http, endpoint, key, .. } = &*self.0;
        let answer = http
            .post(endpoint.clone())
            .bearer_auth(key.expose())
            .header(CONTENT_TYPE, JSON)
            .header(ACCEPT, accept)
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

fn json(request: &impl serde::Serialize) -> Result<Bytes, Error> {
    serde_json::to_vec(request).map(Bytes::from).map_err(|error| Error::Config {
        reason: "the request cannot be written as JSON".to_owned(),
        source: Some(error.into()),
    })
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
