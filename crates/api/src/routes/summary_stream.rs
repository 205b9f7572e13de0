//! A summary as it is written: server-sent events (WHATWG HTML, section 9.2).

use std::time::Duration;

use actix_web::http::header::{self, HeaderName};
use actix_web::{HttpResponse, ResponseError, web};
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
use crate::summaries::{Failure, Progress, Waiter};

/// A comment after so long a silence keeps proxies, which give up after a minute, from closing the connection.
const SILENCE: Duration = Duration::from_secs(15);

/// So often it is asked whether the session lives: with it the stream ends.
const LOOK: Duration = Duration::from_secs(1);

/// How nginx is told to pass on each piece as it comes.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// One that is stored already: as if it had been written at once.
pub(super) fn stored(summary: &Summary) -> HttpResponse {
    let events = [event("delta", &json!({ "text": summary.text })), event("done", summary)];
    events_response(stream::iter(events.map(Ok::<_, ApiError>)))
}

/// Answers once the summary is being made; an error before that is an ordinary answer and no event.
pub(super) async fn answer(
    mut waiter: Waiter,
    state: web::Data<State>,
    user: CurrentUser,
) -> Result<HttpResponse, ApiError> {
    let is_known = |progress: &Progress| progress.has_begun || progress.outcome.is_some();
    let refused = match waiter.watch.wait_for(is_known).await {
        Ok(progress) if progress.has_begun => None,
        Ok(progress) => progress.outcome.clone().and_then(Result::err),
        Err(_) => Some(Failure::Interrupted),
    };
    if let Some(failure) = refused {
        return Err(failure.into());
    }
    let now = Instant::now();
    let teller = Teller { waiter, state, user, told: 0, told_at: now, looked_at: now, is_done: false };
    let span = tracing::Span::current();
    Ok(events_response(stream::unfold(teller, move |mut teller| {
        let next = async move {
            let events = teller.next().await?;
            Some((Ok::<_, ApiError>(events), teller))
        };
        next.instrument(span.clone())
    })))
}

fn events_response(
    events: impl futures_util::Stream<Item = Result<Bytes, ApiError>> + 'static,
) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((BUFFERING, "no"))
        .streaming(events)
}

/// Tells one client what comes. When the client leaves it is dropped, and with the last of them the summary is given up.
struct Teller {
    waiter: Waiter,
    state: web::Data<State>,
    user: CurrentUser,
    /// How much of the text has been told, in bytes.
    told: usize,
    told_at: Instant,
    looked_at: Instant,
    is_done: bool,
}

impl Teller {
    /// The next event; none after the last.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.is_done {
                return None;
            }
            if self.looked_at.elapsed() >= LOOK {
                if let Err(error) = self.user.require_live(&self.state).await {
                    self.is_done = true;
                    return Some(failed(&error));
                }
                self.looked_at = Instant::now();
            }
            if let Some(events) = self.news() {
                self.told_at = Instant::now();
                return Some(events);
            }
            if self.told_at.elapsed() >= SILENCE {
                self.told_at = Instant::now();
                return Some(Bytes::from_static(b": waiting\n\n"));
            }
            if let Ok(Err(_)) = timeout(LOOK, self.waiter.watch.changed()).await {
                self.is_done = true;
            }
        }
    }

    fn news(&mut self) -> Option<Bytes> {
        let progress = self.waiter.watch.borrow_and_update();
        if let Some(piece) = progress.text.get(self.told..).filter(|piece| !piece.is_empty()) {
            self.told = progress.text.len();
            return Some(event("delta", &json!({ "text": piece })));
        }
        let outcome = progress.outcome.clone()?;
        drop(progress);
        self.is_done = true;
        Some(match outcome {
            Ok(summary) => event("done", &*summary),
            Err(failure) => {
                let error = ApiError::from(failure);
                tracing::warn!(%error, "a summary that was being streamed failed");
                failed(&error)
            }
        })
    }
}

fn failed(error: &ApiError) -> Bytes {
    event("error", &json!({ "status": error.status_code().as_u16(), "detail": error.sentence() }))
}

/// JSON has no line breaks, so an event is two lines and an empty one.
fn event(name: &str, data: &impl Serialize) -> Bytes {
    let data = serde_json::to_string(data).unwrap_or_else(|_| "null".to_owned());
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}
