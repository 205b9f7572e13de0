//! Sends a summary as server-sent events while it is written (WHATWG HTML, section 9.2).

use std::time::Duration;

use actix_web::http::header::{self, HeaderName};
use actix_web::web::Data;
use actix_web::{HttpResponse, ResponseError};
use bytes::Bytes;
use daybook_domain::Summary;
use futures_util::stream;
use serde::Serialize;
use serde_json::json;
use tokio::time::{Instant, timeout};
use tracing::Instrument;

use crate::error::ApiError;
use crate::extract::CurrentUser;
use crate::state::State;
use crate::summaries::Waiter;

/// A comment is sent when nothing else was sent for this time. Proxies close a connection that is
/// silent for a minute.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// The session of the client is checked at this interval. The stream ends with its session.
const SESSION_CHECK_INTERVAL: Duration = Duration::from_secs(1);

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
pub(super) async fn send_live(
    mut waiter: Waiter,
    state: Data<State>,
    user: CurrentUser,
) -> Result<HttpResponse, ApiError> {
    waiter.summary.begun().await?;
    let now = Instant::now();
    let writer = EventWriter { waiter, state, user, sent_at: now, checked_at: now, is_done: false };
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
    state: Data<State>,
    user: CurrentUser,
    sent_at: Instant,
    checked_at: Instant,
    is_done: bool,
}

impl EventWriter {
    /// Returns the next event, or `None` after the last one.
    async fn next(&mut self) -> Option<Bytes> {
        if self.is_done {
            return None;
        }
        loop {
            if self.checked_at.elapsed() >= SESSION_CHECK_INTERVAL {
                if let Err(error) = self.user.require_live(&self.state).await {
                    self.is_done = true;
                    return Some(failed(&error));
                }
                self.checked_at = Instant::now();
            }
            match timeout(SESSION_CHECK_INTERVAL, self.waiter.summary.next_text()).await {
                Ok(Some(text)) => {
                    self.sent_at = Instant::now();
                    return Some(event("delta", &json!({ "text": text })));
                }
                Ok(None) => {
                    self.is_done = true;
                    return Some(self.last().await);
                }
                Err(_) if self.sent_at.elapsed() >= KEEP_ALIVE_INTERVAL => {
                    self.sent_at = Instant::now();
                    return Some(Bytes::from_static(b": waiting\n\n"));
                }
                Err(_) => {}
            }
        }
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
