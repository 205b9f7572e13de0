//! Keeps an unread chunked body until its response is sent, so that actix closes the connection.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use actix_web::HttpMessage;
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::http::header;
use futures_util::StreamExt;

/// The payload of a chunked request, kept until its response is sent.
///
/// Once a handler drops the payload of a chunked request, actix reads the rest of it for as long as
/// it comes. A client that never ends it would keep the connection forever. While the payload is
/// kept, actix closes the connection behind the response.
pub(super) struct UnreadPayload(Option<Rc<RefCell<Payload>>>);

/// A response that fits one write is sent well within this time. A longer one may end with a reset
/// connection.
const RESPONSE_TIME: Duration = Duration::from_secs(1);

impl UnreadPayload {
    pub(super) fn of(request: &mut ServiceRequest) -> Self {
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

impl Drop for UnreadPayload {
    fn drop(&mut self) {
        if let Some(payload) = self.0.take() {
            actix_web::rt::spawn(async move {
                tokio::time::sleep(RESPONSE_TIME).await;
                drop(payload);
            });
        }
    }
}
