//! Delays the bytes of a connection until actix-http may read them.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::head::Head;
use crate::turn::Turn;

/// At most this number of bytes is read from a connection that is closed.
const MAX_DISCARDED: usize = 128 * 1024;

/// A connection that gives actix-http one request at a time.
///
/// It delays bytes, and never changes, drops or adds one. actix-http alone parses requests. The
/// guard must stand above TLS, because it looks for the ends of heads and bodies.
pub(crate) struct Guard<T: AsyncRead + Unpin> {
    io: T,
    turn: Rc<Turn>,
    /// What was read and may not pass yet. At most one read, so usually empty.
    held: BytesMut,
    /// True if the dispatcher was woken to flush the response before the held bytes.
    has_woken: bool,
    timeouts: Timeouts,
    /// Limits the time of a head after the first one, once bytes of it have passed.
    timer: Option<Pin<Box<Sleep>>>,
}

/// The timeouts of the heads after the first one, whose timeout is actix-http's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    /// How long a head may take.
    pub(crate) head: Option<Duration>,
    /// How long a connection may be idle, if only empty lines have arrived.
    pub(crate) idle: Option<Duration>,
}

impl<T: AsyncRead + Unpin> Guard<T> {
    /// Returns the guard of a new connection.
    pub(crate) fn new(io: T, timeouts: Timeouts) -> Self {
        Self {
            io,
            turn: Rc::new(Turn::new()),
            held: BytesMut::new(),
            has_woken: false,
            timeouts,
            timer: None,
        }
    }

    /// The state of the connection, for the service.
    pub(crate) fn turn(&self) -> Rc<Turn> {
        Rc::clone(&self.turn)
    }

    /// Reads from the connection. Returns the number of bytes that pass, or `None` at its end. The
    /// other bytes are held.
    fn poll_connection(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<Option<usize>>> {
        let start = buffer.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buffer))?;
        let read = &buffer.filled()[start..];
        if read.is_empty() {
            return Poll::Ready(Ok(None));
        }
        let passing = self.turn.admit(read);
        if passing < read.len() {
            self.held.extend_from_slice(&read[passing..]);
            buffer.set_filled(start + passing);
        }
        Poll::Ready(Ok(Some(passing)))
    }

    /// Fails if a head after the first one takes too long.
    ///
    /// actix-http stops its own timer of an idle connection with the first byte of the next head.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let timeout = match self.turn.unfinished_head() {
            None => {
                self.timer = None;
                return Poll::Ready(Ok(()));
            }
            Some(Head::Start | Head::StartCr) => self.timeouts.idle,
            Some(_) => self.timeouts.head,
        };
        let Some(timeout) = timeout else { return Poll::Ready(Ok(())) };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(timeout)));
        match timer.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Ready(Ok(())),
        }
    }

    /// Takes bytes that were held. Returns the number of bytes that pass.
    fn take_held(&mut self, buffer: &mut ReadBuf<'_>) -> usize {
        let fitting = self.held.len().min(buffer.remaining());
        let passing = self.turn.admit(&self.held[..fitting]);
        buffer.put_slice(&self.held[..passing]);
        self.held.advance(passing);
        if self.held.is_empty() {
            // An idle connection keeps no memory for bytes.
            self.held = BytesMut::new();
        }
        passing
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Guard<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.turn.is_broken() {
            tracing::error!("a connection is closed: actix-http reads another request body than announced");
            return Poll::Ready(Err(io::Error::other("the end of the request is not known")));
        }
        let passing = if this.held.is_empty() {
            match this.poll_connection(cx, buffer) {
                Poll::Ready(Ok(Some(passing))) => passing,
                Poll::Ready(Ok(None)) => return Poll::Ready(Ok(())),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => 0,
            }
        } else {
            this.take_held(buffer)
        };
        if passing > 0 {
            return Poll::Ready(Ok(()));
        }
        // The dispatcher decodes what it has, and then waits. The connection wakes it if nothing is
        // held, `poll_flush` wakes it for the next request, and this wakes it for the body. It also
        // wakes it once for `poll_flush`, if the response has ended before the body.
        let wakes_for_flush = this.turn.is_over() && !this.has_woken;
        this.has_woken |= wakes_for_flush;
        if (this.turn.wait() || wakes_for_flush) && !this.held.is_empty() {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guard<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, bytes)
    }

    /// Flushes the connection, and lets the next request pass if the current one is complete.
    ///
    /// The dispatcher calls this at the end of each of its turns, and only if its write buffer is
    /// empty. A response that has ended has therefore been written.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.io).poll_flush(cx))?;
        if this.turn.finish() {
            this.has_woken = false;
            if !this.held.is_empty() {
                cx.waker().wake_by_ref();
            }
        }
        this.poll_timer(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

/// Reads what has arrived behind held bytes. If the kernel had unread bytes, it would reset the
/// connection, and the client could lose the last response.
impl<T: AsyncRead + Unpin> Drop for Guard<T> {
    fn drop(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let (mut space, mut discarded) = ([0; 4096], 0);
        while discarded < MAX_DISCARDED {
            let mut buffer = ReadBuf::new(&mut space);
            let read = Pin::new(&mut self.io).poll_read(&mut Context::from_waker(Waker::noop()), &mut buffer);
            match read {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => discarded += buffer.filled().len(),
                _ => return,
            }
        }
    }
}

#[cfg(test)]
mod tests;
