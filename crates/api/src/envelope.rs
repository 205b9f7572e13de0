//! What surrounds every request: its id, its span and line in the log, its count, its limits and the headers of its answer.

use std::cell::RefCell;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, web};
use futures_util::{FutureExt, StreamExt};
use tracing::{Instrument, Span};

use crate::error::ApiError;
use crate::state::State;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// An API answer is no page: nothing in it may run or be framed.
const API_POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// Wraps the whole application.
pub(crate) async fn envelope<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let started = Instant::now();
    let state = State::of(request.request())?.clone();
    let id = request_id(request.headers(), &state);
    let method = request.method().clone();
    let span = tracing::info_span!(
        "request",
        request_id = id.to_str().unwrap_or_default(),
        method = method.as_str(),
        path = request.path()
    );
    let _unread = Unread::of(&mut request);
    let mut unanswered = Unanswered { span: &span, started, is_over: false };
    let served = serve(request, next, &state).instrument(span.clone()).await;
    unanswered.is_over = true;
    let took = started.elapsed();
    let (route, status) = match &served {
        Ok(response) => (response.request().match_pattern(), response.status()),
        Err(error) => (None, error.as_response_error().status_code()),
    };
    let route = route.as_deref().unwrap_or("none");
    state.metrics.observe(method.as_str(), route, status.as_u16(), took);
    let _entered = span.enter();
    match served {
        Ok(mut response) => {
            log(status, took, response.response().error());
            finish(response.headers_mut(), id);
            Ok(response)
        }
        Err(error) => {
            log(status, took, Some(&error));
            let mut response = error.error_response();
            finish(response.headers_mut(), id);
            Err(InternalError::from_response(error, response).into())
        }
    }
}

/// The one line of a request, with everything that led to an error.
fn log(status: StatusCode, took: Duration, error: Option<&actix_web::Error>) {
    let (status, took_ms) = (status.as_u16(), took.as_secs_f64() * 1e3);
    match error {
        Some(error) if status >= 500 => tracing::error!(status, took_ms, %error, "answered"),
        Some(error) => tracing::info!(status, took_ms, %error, "answered"),
        None => tracing::info!(status, took_ms, "answered"),
    }
}

/// The line of a request that has no answer: its client went away, or the service ended before.
struct Unanswered<'a> {
    span: &'a Span,
    started: Instant,
    is_over: bool,
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            let _entered = self.span.enter();
            tracing::info!(
                took_ms = self.started.elapsed().as_secs_f64() * 1e3,
                "not answered: the client went away"
            );
        }
    }
}

/// Counts the request while it is served, refuses it when there are too many, and keeps a panic from taking the connection down.
async fn serve<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
    state: &web::Data<State>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let (_counted, too_many) = state.metrics.serving();
    // Whoever asks how the service is should hear it above all when it is busy.
    if too_many && !request.path().starts_with("/health/") {
        return Err(ApiError::busy("too many requests are being served").into());
    }
    match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(served) => served,
        Err(panic) => Err(ApiError::internal(panic_message(&*panic)).into()),
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("a handler panicked: {}", text.unwrap_or_default())
}

/// The payload of a chunked request, kept until its answer is out.
///
/// Once a handler drops the payload of a chunked request, actix reads the rest of it for as long as it comes, and a client that
/// never ends it keeps the connection for ever. While the payload is there, actix closes the connection behind the answer.
struct Unread(Option<Rc<RefCell<Payload>>>);

/// An answer that is small enough for one write is out well within this time; for a longer one the connection may be reset.
const ANSWER_TIME: Duration = Duration::from_secs(1);

impl Unread {
    fn of(request: &mut ServiceRequest) -> Self {
        if !request.headers().contains_key(header::TRANSFER_ENCODING) {
            return Self(None);
        }
        let payload = Rc::new(RefCell::new(request.take_payload()));
        let shared = Rc::clone(&payload);
        let stream =
            futures_util::stream::poll_fn(move |context| shared.borrow_mut().poll_next_unpin(context));
        request.set_payload(Payload::Stream { payload: Box::pin(stream) });
        Self(Some(payload))
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        if let Some(payload) = self.0.take() {
            actix_web::rt::spawn(async move {
                tokio::time::sleep(ANSWER_TIME).await;
                drop(payload);
            });
        }
    }
}

/// The client's id for the request when it is short and printable, else one of ours.
fn request_id(headers: &HeaderMap, state: &State) -> HeaderValue {
    let given = headers.get(REQUEST_ID).filter(|value| {
        (1..=128).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic)
    });
    given.cloned().unwrap_or_else(|| state.next_request_id())
}

fn finish(headers: &mut HeaderMap, id: HeaderValue) {
    headers.insert(REQUEST_ID, id);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        headers.insert(header::CONTENT_SECURITY_POLICY, API_POLICY);
    }
    // Answers are about one user at one time; what may be kept says so itself.
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

#[cfg(test)]
mod tests;
