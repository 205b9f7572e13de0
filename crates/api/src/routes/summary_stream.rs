//! A summary as it is written: server-sent events (WHATWG HTML, section 9.2).

use std::time::Duration;

use actix_web::http::header::{self, HeaderName};
use actix_web::{HttpResponse, ResponseError};
use bytes::Bytes;
use daybook_domain::Summary;
use futures_util::stream;
use serde::Serialize;
use serde_json::json;
use tokio::time::timeout;

use crate::error::ApiError;
use crate::summaries::{Failure, Progress, Watch};

/// A comment after so long a silence keeps proxies, which give up after a minute, from closing the connection.
const SILENCE: Duration = Duration::from_secs(15);

/// How nginx is told to pass on each piece as it comes.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// One that is stored already: as if it had been written at once.
pub(super) fn stored(summary: &Summary) -> HttpResponse {
    let events = [event("delta", &json!({ "text": summary.text })), event("done", summary)];
    events_response(stream::iter(events.map(Ok::<_, ApiError>)))
}

/// Answers once the summary is being made; what hinders that is an answer of its own and no event.
pub(super) async fn answer(mut watch: Watch) -> Result<HttpResponse, ApiError> {
    let is_known = |progress: &Progress| progress.has_begun || progress.outcome.is_some();
    let refused = match watch.wait_for(is_known).await {
        Ok(progress) if progress.has_begun => None,
        Ok(progress) => progress.outcome.clone().and_then(Result::err),
        Err(_) => Some(Failure::Interrupted),
    };
    if let Some(failure) = refused {
        return Err(failure.into());
    }
    let teller = Teller { watch, told: 0, is_done: false };
    Ok(events_response(stream::unfold(teller, async |mut teller| {
        let events = teller.next().await?;
        Some((Ok::<_, ApiError>(events), teller))
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
    watch: Watch,
    /// How much of the text has been told, in bytes.
    told: usize,
    is_done: bool,
}

impl Teller {
    /// The next event; none after the last.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.is_done {
                return None;
            }
            if let Some(events) = self.news() {
                return Some(events);
            }
            match timeout(SILENCE, self.watch.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => self.is_done = true,
                Err(_) => return Some(Bytes::from_static(b": waiting\n\n")),
            }
        }
    }

    fn news(&mut self) -> Option<Bytes> {
        let progress = self.watch.borrow_and_update();
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
                event("error", &json!({ "status": error.status_code().as_u16(), "detail": error.sentence() }))
            }
        })
    }
}

/// JSON has no line breaks, so an event is two lines and an empty one.
fn event(name: &str, data: &impl Serialize) -> Bytes {
    let data = serde_json::to_string(data).unwrap_or_else(|_| "null".to_owned());
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}
