//! Sends a summary as server-sent events while it is written (WHATWG HTML, section 9.2).

use std::time::Duration;

use actix_web::http::header::{self, HeaderName};
use actix_web::{HttpResponse, ResponseError};
use bytes::Bytes;
use daybook_domain::Summary;
use futures_util::stream;
use serde::Serialize;
use serde_json::json;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use super::watch::SessionWatch;
use crate::error::ApiError;
use crate::summaries::Waiter;

/// A comment is sent when nothing else was sent for this time. Proxies close a connection that is
/// silent for a minute.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// Makes nginx send each piece at once.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Sends a stored summary as if it had been written at once.
pub(super) fn send_stored(summary: &Summary) -> HttpResponse {
    let events = [event("delta", &json!({ "text": summary.text })), event("done", summary)];
    respond_with(stream::iter(events.map(Ok::<_, ApiError>)))
}

/// Responds once the summary is being written.
///
/// # Errors
///
/// An error before that is an ordinary response and no event.
pub(super) async fn send_live(mut waiter: Waiter, mut watch: SessionWatch) -> Result<HttpResponse, ApiError> {
    watch.wait_for(waiter.summary.begun()).await??;
    let writer = EventWriter { waiter, watch, sent_at: Instant::now(), is_done: false };
    let span = tracing::Span::current();
    Ok(respond_with(stream::unfold(writer, move |mut writer| {
        let next = async move {
            let event = writer.next().await?;
            Some((Ok::<_, ApiError>(event), writer))
        };
        next.instrument(span.clone())
    })))
}

fn respond_with(events: impl futures_util::Stream<Item = Result<Bytes, ApiError>> + 'static) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((BUFFERING, "no"))
        .streaming(events)
}

/// Writes the events of one client. It is dropped when the client disconnects, and the last of them
/// cancels the summary.
struct EventWriter {
    waiter: Waiter,
    watch: SessionWatch,
    sent_at: Instant,
    is_done: bool,
}

impl EventWriter {
    /// Returns the next event, or `None` after the last one.
    async fn next(&mut self) -> Option<Bytes> {
        if self.is_done {
            return None;
        }
        let text = timeout_at(self.sent_at + KEEP_ALIVE_INTERVAL, self.waiter.summary.next_text());
        let event = match self.watch.wait_for(text).await {
            Ok(Ok(Some(text))) => event("delta", &json!({ "text": text })),
            Ok(Ok(None)) => {
                self.is_done = true;
                self.last().await
            }
            Ok(Err(_)) => Bytes::from_static(b": waiting\n\n"),
            Err(error) => {
                self.is_done = true;
                failed(&error)
            }
        };
        self.sent_at = Instant::now();
        Some(event)
    }

    async fn last(&mut self) -> Bytes {
        match self.waiter.summary.outcome().await {
            Ok(summary) => event("done", &*summary),
            Err(error) => {
                tracing::warn!(%error, "a summary failed while it was streamed");
                failed(&error)
            }
        }
    }
}

fn failed(error: &ApiError) -> Bytes {
    event("error", &json!({ "status": error.status_code().as_u16(), "detail": error.sentence() }))
}

/// An event of two lines and an empty one, since JSON has no line breaks.
fn event(name: &str, data: &impl Serialize) -> Bytes {
    let data = serde_json::to_string(data).unwrap_or_else(|_| "null".to_owned());
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}
