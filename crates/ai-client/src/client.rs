//! The client: sends requests, with retries, and reads responses and streams.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde::Serialize;
use tokio::time::Instant;
use tracing::debug;
use url::Url;

use crate::head::Head;
use crate::retry::{AttemptError, RetryPolicy};
use crate::stream::{EventReader, Limits};
use crate::{ApiKey, Error, Request, Response, ResponseStream, body, document, rejection};

/// The maximum size of an error body in bytes; a longer one is ignored. An error object has some
/// hundreds of bytes. One that quotes the input has some thousands.
const ERROR_BODY_MAX: usize = 64 * 1024;

const JSON: &str = "application/json";
const EVENT_STREAM: &str = "text/event-stream";

/// A client of one provider. A clone is cheap and shares the connections.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) http: reqwest::Client,
    pub(crate) endpoint: Url,
    pub(crate) key: ApiKey,
    pub(crate) retry: RetryPolicy,
    pub(crate) stream_timeout: Duration,
    pub(crate) max_body: usize,
}

impl Client {
    pub(crate) fn new(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    /// Sends a request and returns the complete response.
    ///
    /// The README of this crate lists the failures that are retried. The call needs a tokio
    /// runtime.
    ///
    /// # Errors
    ///
    /// Returns an [`Error`] if there is no complete response with text. A refusal by the model is
    /// an error too. After retries, the error is that of the last attempt.
    ///
    /// # Cancellation
    ///
    /// Dropping the future closes the connection of the current attempt, so that the provider
    /// stops. The provider may still charge for the tokens that it has used.
    pub async fn create(&self, request: &Request) -> Result<Response, Error> {
        let body = to_json(request)?;
        let started = Instant::now();
        let outcome = self.inner.retry.run(|timeout| self.attempt(body.clone(), timeout)).await;
        let model = request.model();
        let elapsed_ms = started.elapsed().as_millis();
        match &outcome {
            Ok(Response { request_id, usage, .. }) => {
                debug!(model, elapsed_ms, request_id, ?usage, "answered");
            }
            // The error itself is not logged, because the provider's message may quote the input.
            Err(error) => {
                debug!(model, elapsed_ms, request_id = error.request_id(), "not answered");
            }
        }
        outcome
    }

    /// Sends a request with `"stream": true` and returns the response while the model writes it.
    ///
    /// The method returns once the provider has accepted the request. Until then it retries like
    /// [`create`](Self::create). After that it never retries, since the caller may have shown a
    /// part of the text to a user.
    ///
    /// If the server does not stream, the stream returns the whole text as one piece.
    ///
    /// The [timeout] limits the time until the stream begins, and then the time between two chunks.
    /// The [stream timeout] limits the whole stream.
    ///
    /// # Errors
    ///
    /// Returns the errors that occur before the stream begins. The stream returns the later ones.
    ///
    /// [timeout]: crate::ClientBuilder::timeout
    /// [stream timeout]: crate::ClientBuilder::stream_timeout
    pub async fn stream(&self, request: &Request) -> Result<ResponseStream, Error> {
        #[derive(Serialize)]
        struct StreamRequest<'a> {
            #[serde(flatten)]
            request: &'a Request,
            stream: bool,
        }
        let body = to_json(&StreamRequest { request, stream: true })?;
        let deadline = Instant::now() + self.inner.stream_timeout;
        self.inner.retry.run(|timeout| self.open_stream(body.clone(), timeout, deadline)).await
    }

    async fn attempt(&self, body: Bytes, timeout: Duration) -> Result<Response, AttemptError> {
        let response = self.send(body, timeout, JSON).await?;
        let head = Head::new(response.headers(), &self.inner.key);
        let body = body::read(response, self.inner.max_body, head.request_id.as_deref()).await?;
        document::response(&body, &head)
    }

    async fn open_stream(
        &self,
        body: Bytes,
        timeout: Duration,
        deadline: Instant,
    ) -> Result<ResponseStream, AttemptError> {
        let Inner { key, max_body, retry, .. } = &*self.inner;
        let until_deadline = deadline.saturating_duration_since(Instant::now());
        let sent = tokio::time::timeout(timeout, self.send(body, until_deadline, EVENT_STREAM));
        let response = sent.await.unwrap_or(Err(Error::Timeout.into()))?;
        let head = Head::new(response.headers(), key);
        let content_type = response.headers().get(CONTENT_TYPE).map(reqwest::header::HeaderValue::as_bytes);
        let declares = |media_type: &str| {
            content_type.is_some_and(|value| value.to_ascii_lowercase().starts_with(media_type.as_bytes()))
        };
        // Some servers send events without this header or with another type, so only JSON is read
        // as a whole.
        if declares(JSON) {
            let body = body::read(response, *max_body, head.request_id.as_deref()).await?;
            return Ok(ResponseStream::from_response(document::response(&body, &head)?));
        }
        let limits = Limits { idle_timeout: retry.attempt_timeout, deadline, max_body: *max_body };
        let is_declared = declares(EVENT_STREAM);
        Ok(ResponseStream::new(EventReader::new(response, head, limits, is_declared)))
    }

    /// Sends a request. Returns once the status 2xx and the headers of the response have arrived.
    ///
    /// The timeout also covers the time in which the caller reads the body.
    async fn send(
        &self,
        body: Bytes,
        timeout: Duration,
        accept: &'static str,
    ) -> Result<reqwest::Response, AttemptError> {
        let Inner { http, endpoint, key, .. } = &*self.inner;
        let response = http
            .post(endpoint.clone())
            .bearer_auth(key.expose())
            .header(CONTENT_TYPE, JSON)
            .header(ACCEPT, accept)
            .timeout(timeout)
            .body(body)
            .send()
            .await
            .map_err(Error::from_http)?;
        if response.status().is_success() {
            return Ok(response);
        }
        let (status, headers) = (response.status(), response.headers().clone());
        // The status determines the error. Code and message are missing if the body cannot be read.
        let body = body::read(response, ERROR_BODY_MAX, None).await.unwrap_or_default();
        Err(rejection::classify(status, &headers, &body, &Head::new(&headers, key)))
    }
}

fn to_json(request: &impl Serialize) -> Result<Bytes, Error> {
    serde_json::to_vec(request).map(Bytes::from).map_err(|error| Error::Config {
        reason: "the request cannot be written as JSON".to_owned(),
        source: Some(error.into()),
    })
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The query is left out, since some providers expect secrets there.
        let Inner { endpoint, max_body, .. } = &*self.inner;
        f.debug_struct("Client")
            .field("host", &endpoint.host_str())
            .field("path", &endpoint.path())
            .field("max_body", max_body)
            .finish_non_exhaustive()
    }
}
