//! Streams: reads the body of a response and returns its events.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, timeout_at};

use crate::document;
use crate::head::Head;
use crate::sse::Decoder;
use crate::transcript::Transcript;
use crate::{Error, Event, Response};

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
        Self(futures_util::stream::iter(events_of(response).map(Ok)).boxed())
    }

    pub(crate) fn new(reader: EventReader) -> Self {
        let events = futures_util::stream::try_unfold(reader, async |mut reader| {
            Ok(reader.next().await?.map(|event| (event, reader)))
        });
        Self(events.boxed())
    }
}

/// Returns the events of a complete response.
fn events_of(response: Response) -> [Event; 2] {
    [Event::TextDelta(response.output_text()), Event::Completed(response)]
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
    head: Head,
    limits: Limits,
    /// The size of all chunks so far, in bytes.
    received: usize,
    format: Format,
    /// Decoded events that are not yet returned.
    pending: VecDeque<Event>,
    /// The outcome of the stream, returned after the pending events. `None` until it is known.
    end: Option<Result<(), Error>>,
}

/// The format of the body.
enum Format {
    /// Nothing but white space has arrived.
    Unknown {
        is_declared: bool,
    },
    Events(Box<Decoder>, Box<Transcript>),
    /// A document, from a server that does not stream.
    Document(Vec<u8>),
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
    /// `is_declared` is true if the header `Content-Type` declares events.
    pub(crate) fn new(response: reqwest::Response, head: Head, limits: Limits, is_declared: bool) -> Self {
        Self {
            response,
            head,
            limits,
            received: 0,
            format: Format::Unknown { is_declared },
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
            let outcome = match self.chunk().await? {
                Some(chunk) => self.decode(&chunk),
                None => self.finish(),
            };
            if let Err(error) = outcome {
                self.end = Some(Err(error));
            }
        }
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        let deadline = self.limits.deadline.min(Instant::now() + self.limits.idle_timeout);
        match timeout_at(deadline, self.response.chunk()).await {
            Ok(chunk) => chunk.map_err(Error::from_http),
            Err(_) => Err(Error::Timeout),
        }
    }

    fn decode(&mut self, chunk: &[u8]) -> Result<(), Error> {
        let Self { format, pending, end, head, limits, received, .. } = self;
        let limit = limits.max_body.saturating_mul(STREAM_FACTOR);
        let too_large = |limit| Error::TooLarge { limit, request_id: head.request_id.clone() };
        *received = received.saturating_add(chunk.len());
        if *received > limit {
            return Err(too_large(limit));
        }
        if matches!(format, Format::Unknown { .. }) {
            // A byte order mark and white space may be at the start of both formats.
            let Some(first) = chunk.iter().find(|byte| !b"\xef\xbb\xbf \t\r\n".contains(byte)) else {
                return Ok(());
            };
            *format = match first {
                b'{' | b'[' | b'<' => Format::Document(Vec::new()),
                _ => {
                    let transcript = Transcript::new(head.clone());
                    Format::Events(Box::new(Decoder::new(limits.max_body)), Box::new(transcript))
                }
            };
        }
        match format {
            Format::Unknown { .. } => Ok(()),
            Format::Document(body) if chunk.len() > limits.max_body - body.len() => {
                Err(too_large(limits.max_body))
            }
            Format::Document(body) => {
                body.extend_from_slice(chunk);
                Ok(())
            }
            Format::Events(decoder, transcript) => decoder.decode(chunk, |event| {
                if end.is_some() {
                    return Ok(());
                }
                let mut events = Vec::new();
                let outcome = transcript.read(&event, &mut events);
                if matches!(events.last(), Some(Event::Completed(_))) {
                    *end = Some(Ok(()));
                }
                pending.extend(events);
                outcome
            }),
        }
    }

    /// Reads the document at the end of the body. A stream must have ended before.
    fn finish(&mut self) -> Result<(), Error> {
        let body = match &self.format {
            Format::Document(body) => body.as_slice(),
            Format::Unknown { is_declared: false } => &[],
            Format::Unknown { .. } | Format::Events(..) => {
                return Err(Error::Transport { source: "the stream ended without a terminal event".into() });
            }
        };
        let response = document::response(body, &self.head).map_err(|failure| failure.error)?;
        self.pending.extend(events_of(response));
        self.end = Some(Ok(()));
        Ok(())
    }
}
