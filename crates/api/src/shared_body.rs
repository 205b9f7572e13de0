//! Bodies of assets, whose bytes all responses share.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::{HttpResponse, HttpResponseBuilder};
use bytes::Bytes;

/// A body that is sent in slices, so that a response keeps only one slice of its own.
///
/// actix copies each part of a body into the buffer of its connection. With the whole asset in one
/// part, a client that does not read would keep a copy of it.
struct SharedBody(Bytes);

/// The size of a slice, in bytes. Smaller slices take more calls.
const SLICE: usize = 16 * 1024;

impl MessageBody for SharedBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.0.len() as u64)
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let rest = &mut self.get_mut().0;
        if rest.is_empty() {
            return Poll::Ready(None);
        }
        let slice = rest.split_to(rest.len().min(SLICE));
        Poll::Ready(Some(Ok(slice)))
    }
}

/// Marks a response whose body is shared.
struct IsShared;

/// Returns a response with bytes that other responses share.
pub(crate) fn shared(response: &mut HttpResponseBuilder, bytes: impl Into<Bytes>) -> HttpResponse {
    let mut response = response.body(SharedBody(bytes.into()));
    response.extensions_mut().insert(IsShared);
    response
}

/// Returns true if the body of a response is shared, so that it takes no memory.
pub(crate) fn is_shared<B>(response: &HttpResponse<B>) -> bool {
    response.extensions().contains::<IsShared>()
}
