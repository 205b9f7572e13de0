//! Ties values to the sending of responses.

use std::rc::Rc;

use actix_web::HttpRequest;

use crate::turn::Turn;

/// Keeps a value until the response to this request has been sent, or its connection has ended.
///
/// An app has returned a response long before a slow client has read it. A permit for the memory of
/// the response can be kept here for all of this time.
///
/// A request has one value. The next one replaces it. If the request was not received by this
/// crate, for example in a test, the value is dropped at once.
pub fn keep_until_sent(request: &HttpRequest, value: impl Sized + 'static) {
    if let Some(turn) = request.conn_data::<Rc<Turn>>() {
        turn.keep(Box::new(value));
    }
}
