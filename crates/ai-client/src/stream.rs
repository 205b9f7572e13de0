use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, timeout_at};

use crate::decode::{self, Said};
use crate::sse::Decoder;
use crate::{ApiKey, Error, Response};

/// A stream repeats its text in many small events and once more at the end: as many times the limit of an answer is room enough.
const STREAM_FACTOR: usize = 16;

/// What a provider says while it answers.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The next piece of the text.
    TextDelta(String),
    /// The whole answer, as [`Client::create`](crate::Client::create) would have given it: the last event.
    Completed(Response),
}

/// An answer while it is written: pieces of text, and then [`Event::Completed`] or one error. Nothing comes after either.
///
/// A stream that ends in any other way is an error, since nothing says then that the answer is whole: [`Error::Transport`].
///
/// Dropping it closes the connection at once, which tells the provider to stop.
#[must_use = "a stream does nothing unless it is read"]
pub struct ResponseStream(Pin<Box<dyn Stream<Item = Result<Event, Error>> + Send>>);

impl ResponseStream {
    /// The next event; none after the last.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost when the future is dropped: the next call gives the same event.
    pub async fn next(&mut self) -> Option<Result<Event, Error>> {
        self.0.next().await
    }

    /// Of a server that answered in one piece, though it was asked for a stream.
    pub(crate) fn whole(response: Response) -> Self {
        let events = [Event::TextDelta(response.output_text()), Event::Completed(response)];
        Self(futures_util::stream::iter(events.map(Ok)).boxed())
    }

    pub(crate) fn new(source: Source) -> Self {
        let events = futures_util::stream::try_unfold(source, async |mut source| {
            Ok(source.next().await?.map(|event| (event, source)))
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

/// The body of an answer that comes in events.
pub(crate) struct Source {
    answer: reqwest::Response,
    request_id: Option<String>,
    key: ApiKey,
    limits: Limits,
    decoder: Decoder,
    received: usize,
    /// All text so far.
    text: String,
    /// Events that have come and are not taken yet, and what comes after them.
    waiting: VecDeque<Event>,
    end: Option<Result<(), Error>>,
}

/// What a stream may take.
pub(crate) struct Limits {
    /// How long nothing may come.
    pub(crate) silence: Duration,
    /// When it must have ended.
    pub(crate) deadline: Instant,
    /// Bytes of one event.
    pub(crate) max_body: usize,
}

impl Source {
    pub(crate) fn new(
        answer: reqwest::Response,
        request_id: Option<String>,
        key: ApiKey,
        limits: Limits,
    ) -> Self {
        Self {
            answer,
            request_id,
            key,
            decoder: Decoder::new(limits.max_body),
            limits,
            received: 0,
            text: String::new(),
            waiting: VecDeque::new(),
            end: None,
        }
    }

    async fn next(&mut self) -> Result<Option<Event>, Error> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Ok(Some(event));
            }
            match self.end.take() {
                Some(Ok(())) => return Ok(None),
                Some(Err(error)) => return Err(error),
                None => {}
            }
            let chunk = self.chunk().await?;
            if let Err(error) = self.read(&chunk) {
                self.end = Some(Err(error));
            }
        }
    }

    async fn chunk(&mut self) -> Result<Bytes, Error> {
        let patience = self.limits.deadline.min(Instant::now() + self.limits.silence);
        match timeout_at(patience, self.answer.chunk()).await {
            Ok(Ok(Some(chunk))) => Ok(chunk),
            Ok(Ok(None)) => Err(Error::Transport { source: "the stream ended before the answer did".into() }),
            Ok(Err(error)) => Err(Error::from_http(error)),
            Err(_) => Err(Error::Timeout),
        }
    }

    fn read(&mut self, chunk: &[u8]) -> Result<(), Error> {
        let Self { decoder, text, waiting, end, key, request_id, limits, received, .. } = self;
        let request_id = request_id.as_deref();
        let limit = limits.max_body.saturating_mul(STREAM_FACTOR);
        *received = received.saturating_add(chunk.len());
        if *received > limit {
            return Err(Error::TooLarge { limit, request_id: request_id.map(str::to_owned) });
        }
        decoder.read(chunk, |event| {
            // What follows the end is not looked at.
            if end.is_some() {
                return Ok(());
            }
            match decode::event(&event, text, request_id, key)? {
                Said::Text(delta) => {
                    text.push_str(&delta);
                    waiting.push_back(Event::TextDelta(delta));
                }
                Said::End(response) => {
                    waiting.push_back(Event::Completed(response));
                    *end = Some(Ok(()));
                }
                Said::Nothing => {}
            }
            Ok(())
        })
    }
}
