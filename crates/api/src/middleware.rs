//! What surrounds every request: its id, its span and its line in the log, counters, limits and
//! security headers.

mod unread;

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web;
use futures_util::FutureExt;
use tracing::{Instrument, Span};

use self::unread::UnreadPayload;
use crate::error::ApiError;
use crate::extract::{client_of, warn_of_untrusted_proxy};
use crate::request_id::{REQUEST_ID, client_request_id};
use crate::state::State;

/// An API response is not a page: nothing in it may run or be framed.
const API_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; base-uri 'none'; frame-ancestors 'none'");

/// The longest method or path in the log, in bytes. No path of an endpoint is longer.
const LOGGED_MAX: usize = 256;

/// Wraps the whole application.
pub(crate) async fn surround<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let started = Instant::now();
    let state = State::of(request.request())?.clone();
    let (id, client_id) = (state.request_ids.next(), client_request_id(request.headers()).cloned());
    let method = request.method().clone();
    let span = tracing::info_span!(
        "request",
        request_id = %id,
        client_request_id = client_id.as_ref().and_then(|id| id.to_str().ok()),
        method = loggable(method.as_str()),
        path = loggable(request.path())
    );
    warn_of_untrusted_proxy(request.request(), &state);
    let _unread = UnreadPayload::of(&mut request);
    let mut unanswered = Unanswered { span: &span, started, is_answered: false };
    let served = serve(request, next, &state).instrument(span.clone()).await;
    unanswered.is_answered = true;
    let id = client_id.unwrap_or_else(|| id.to_header());
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
            add_headers(response.headers_mut(), id);
            Ok(response)
        }
        Err(error) => {
            log(status, took, Some(&error));
            let mut response = error.error_response();
            add_headers(response.headers_mut(), id);
            Err(InternalError::from_response(error, response).into())
        }
    }
}

/// Truncates a text of the client for the log, since every line of the request repeats it.
fn loggable(text: &str) -> &str {
    text.get(..text.floor_char_boundary(LOGGED_MAX)).unwrap_or(text)
}

/// Writes the one line of a request, with the causes of an error.
fn log(status: StatusCode, took: Duration, error: Option<&actix_web::Error>) {
    let (status, took_ms) = (status.as_u16(), took.as_secs_f64() * 1e3);
    match error {
        // A client can cause a 503 as often as it sends a request.
        Some(error) if status == 503 => tracing::warn!(status, took_ms, %error, "answered"),
        Some(error) if status >= 500 => tracing::error!(status, took_ms, %error, "answered"),
        Some(error) => tracing::info!(status, took_ms, %error, "answered"),
        None => tracing::info!(status, took_ms, "answered"),
    }
}

/// Writes the line of a request without a response: its client disconnected, or the service stopped
/// before.
struct Unanswered<'a> {
    span: &'a Span,
    started: Instant,
    is_answered: bool,
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            let _entered = self.span.enter();
            tracing::info!(
                took_ms = self.started.elapsed().as_secs_f64() * 1e3,
                "not answered: the client went away"
            );
        }
    }
}

/// Counts the request while it is served, rejects it if there are too many, and turns a panic into
/// a 500.
async fn serve<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
    state: &web::Data<State>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let (_counted, too_many) = state.metrics.count_served();
    // An overloaded service must still report its health.
    if too_many && !request.path().starts_with("/health/") {
        return Err(ApiError::busy("too many requests are being served").into());
    }
    match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(served) => {
            let response = served?;
            state.network_limits.hold_response(&response, || client_of(response.request(), state))?;
            Ok(response)
        }
        Err(panic) => Err(ApiError::internal(panic_message(&*panic)).into()),
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("a handler panicked: {}", text.unwrap_or_default())
}

fn add_headers(headers: &mut HeaderMap, id: HeaderValue) {
    headers.insert(REQUEST_ID, id);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        headers.insert(header::CONTENT_SECURITY_POLICY, API_POLICY);
    }
    // A response belongs to one user at one time. Cacheable responses set the header themselves.
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

#[cfg(test)]
mod tests;
