//! Streams: reads the body of a response and returns its events.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, timeout_at};

use crate::decode;
use crate::sse::Decoder;
use crate::{ApiKey, Error, Event, Response};

/// The maximum size of a whole stream, as a multiple of the maximum size of a response. A stream
/// sends the text twice: in many small events with much JSON around it, and in its last event.
const STREAM_FACTOR: usize = 16;

/// The events of a response: pieces of text, and then [`Event::Completed`] or an error.
///
/// The stream ends after either of them. If the connection ends earlier, the stream returns
/// [`Error::Transport`].
///
/// Dropping the stream closes the connection at once, so that the provider stops.
#[must_use = "a stream does nothing unless it is read"]
pub struct ResponseStream(Pin<Box<dyn Stream<Item = Result<Event, Error>> + Send>>);

impl ResponseStream {
    /// Returns the next event, or `None` after the last.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses no event. The next call returns it.
    pub async fn next(&mut self) -> Option<Result<Event, Error>> {
        self.0.next().await
    }

    /// Creates the stream for a server that sent a complete response and no stream.
    pub(crate) fn from_response(response: Response) -> Self {
        let events = [Event::TextDelta(response.output_text()), Event::Completed(response)];
        Self(futures_util::stream::iter(events.map(Ok)).boxed())
    }

    pub(crate) fn new(reader: EventReader) -> Self {
        let events = futures_util::stream::try_unfold(reader, async |mut reader| {
            Ok(reader.next().await?.map(|event| (event, reader)))
        });
        Self(events.boxed())
    }
}

impl Stream for ResponseStream {
    type Item = Result<Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(context)
    }
}

impl fmt::Debug for ResponseStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseStream").finish_non_exhaustive()
    }
}

/// Reads events from the body of a response.
pub(crate) struct EventReader {
    response: reqwest::Response,
    request_id: Option<String>,
    key: ApiKey,
    limits: Limits,
    decoder: Decoder,
    /// The size of all chunks so far, in bytes.
    received: usize,
    /// The text of all events so far.
    text: String,
    /// Decoded events that are not yet returned.
    pending: VecDeque<Event>,
    /// The outcome of the stream, returned after the pending events. `None` until it is known.
    end: Option<Result<(), Error>>,
}

/// The limits of a stream.
pub(crate) struct Limits {
    /// The timeout between two chunks.
    pub(crate) idle_timeout: Duration,
    pub(crate) deadline: Instant,
    /// The maximum size of a line and of an event, in bytes.
    pub(crate) max_body: usize,
}

impl EventReader {
    pub(crate) fn new(
        response: reqwest::Response,
        request_id: Option<String>,
        key: ApiKey,
        limits: Limits,
    ) -> Self {
        Self {
            response,
            request_id,
            key,
            decoder: Decoder::new(limits.max_body),
            limits,
            received: 0,
            text: String::new(),
            pending: VecDeque::new(),
            end: None,
        }
    }

    async fn next(&mut self) -> Result<Option<Event>, Error> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                return Ok(Some(event));
            }
            match self.end.take() {
                Some(Ok(())) => return Ok(None),
                Some(Err(error)) => return Err(error),
                None => {}
            }
            let chunk = self.chunk().await?;
            if let Err(error) = self.decode(&chunk) {
                self.end = Some(Err(error));
            }
        }
    }

    async fn chunk(&mut self) -> Result<Bytes, Error> {
        let deadline = self.limits.deadline.min(Instant::now() + self.limits.idle_timeout);
        match timeout_at(deadline, self.response.chunk()).await {
            Ok(Ok(Some(chunk))) => Ok(chunk),
            Ok(Ok(None)) => {
                Err(Error::Transport { source: "the stream ended without a terminal event".into() })
            }
            Ok(Err(error)) => Err(Error::from_http(error)),
            Err(_) => Err(Error::Timeout),
        }
    }

    fn decode(&mut self, chunk: &[u8]) -> Result<(), Error> {
        let Self { decoder, text, pending, end, key, request_id, limits, received, .. } = self;
        let request_id = request_id.as_deref();
        let limit = limits.max_body.saturating_mul(STREAM_FACTOR);
        *received = received.saturating_add(chunk.len());
        if *received > limit {
            return Err(Error::TooLarge { limit, request_id: request_id.map(str::to_owned) });
        }
        decoder.decode(chunk, |event| {
            if end.is_some() {
                return Ok(());
            }
            let Some(event) = decode::event(&event, text, request_id, key)? else { return Ok(()) };
            match &event {
                Event::TextDelta(delta) => text.push_str(delta),
                Event::Completed(_) => *end = Some(Ok(())),
            }
            pending.push_back(event);
            Ok(())
        })
    }
}
