//! Delays the bytes of a connection until actix-http may read them.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use actix_http::KeepAlive;
use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use crate::credit::{Credit, MinimumRate};
use crate::event::{Event, Events, Part};
use crate::head::Head;
use crate::options::Options;
use crate::turn::Turn;

/// At most this number of bytes is read from a connection that is closed.
const DISCARDED_MAX: usize = 128 * 1024;

/// The response to a request that does not arrive in time (RFC 9110, section 15.5.9).
const TIMED_OUT: &[u8] = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// The response to a request with a malformed body. It is that of actix-http to a malformed head.
const MALFORMED: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// A connection that gives actix-http one request at a time, and fails if its client is too slow.
///
/// It delays bytes of requests, and never changes, drops or adds one. actix-http alone parses
/// requests. The guard must stand above TLS, because it looks for the ends of heads and bodies.
pub(crate) struct Guard<T: AsyncRead + Unpin> {
    io: T,
    turn: Rc<Turn>,
    /// What was read and may not pass yet. At most one read, so usually empty.
    held: BytesMut,
    /// True if the dispatcher was woken to flush the response before the held bytes.
    has_woken: bool,
    timeouts: Timeouts,
    /// The timer of a head after the first one, once bytes of it have passed. True if it is that of
    /// an idle connection, because these were only empty lines.
    head_timer: Option<(bool, Pin<Box<Sleep>>)>,
    /// Limits the time of a body.
    credit: Credit,
    body_timer: Option<Pin<Box<Sleep>>>,
    /// True if the last read found no bytes, so that the connection waits for its client.
    is_dry: bool,
    /// True if a part of the response to the current request has been written.
    has_written: bool,
    /// True if the client was too slow or its request malformed.
    has_failed: bool,
    events: Events,
}

/// The timeouts of requests. That of the first head is actix-http's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    /// How long a head after the first one may take.
    pub(crate) head: Option<Duration>,
    /// How long a connection may be idle, if only empty lines have arrived.
    pub(crate) idle: Option<Duration>,
    /// How fast a body must arrive.
    pub(crate) body: MinimumRate,
}

impl Timeouts {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            head: Some(options.client_request_timeout).filter(|timeout| !timeout.is_zero()),
            idle: match options.keep_alive {
                KeepAlive::Timeout(timeout) => Some(timeout),
                _ => None,
            },
            body: options.minimum_rate,
        }
    }
}

impl<T: AsyncRead + Unpin> Guard<T> {
    /// Returns the guard of a new connection.
    pub(crate) fn new(io: T, timeouts: Timeouts, events: Events) -> Self {
        Self {
            io,
            turn: Rc::new(Turn::new()),
            held: BytesMut::new(),
            has_woken: false,
            timeouts,
            head_timer: None,
            credit: Credit::new(timeouts.body),
            body_timer: None,
            is_dry: false,
            has_written: false,
            has_failed: false,
            events,
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
        let read = Pin::new(&mut self.io).poll_read(cx, buffer);
        self.is_dry = read.is_pending();
        ready!(read)?;
        let read = &buffer.filled()[start..];
        if self.turn.is_in_body() {
            self.credit.earn(read.len());
        }
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

impl<T: AsyncRead + AsyncWrite + Unpin> Guard<T> {
    /// Fails if a head after the first one takes too long.
    ///
    /// actix-http stops its own timer of an idle connection with the first byte of the next head.
    fn poll_head_timer(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let Some(head) = self.turn.unfinished_head() else {
            self.head_timer = None;
            return Ok(());
        };
        let is_idle = matches!(head, Head::Start | Head::StartCr);
        if self.head_timer.as_ref().is_some_and(|(of_idle, _)| *of_idle != is_idle) {
            self.head_timer = None;
        }
        let Some(timeout) = (if is_idle { self.timeouts.idle } else { self.timeouts.head }) else {
            return Ok(());
        };
        let (_, timer) = self.head_timer.get_or_insert_with(|| (is_idle, Box::pin(sleep(timeout))));
        match timer.as_mut().poll(cx) {
            Poll::Pending => Ok(()),
            Poll::Ready(()) if is_idle => Err(io::ErrorKind::TimedOut.into()),
            Poll::Ready(()) => Err(self.time_out(cx, Part::Head)),
        }
    }

    /// Fails if a body does not arrive at the minimum rate.
    fn poll_body_timer(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if !self.is_dry || !self.turn.is_in_body() {
            self.body_timer = None;
            return Ok(());
        }
        let deadline = self.credit.wait(Instant::now());
        let timer = self.body_timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        while timer.as_mut().poll(cx).is_ready() {
            // The client has sent bytes since the timer was set.
            if deadline > Instant::now() {
                timer.as_mut().reset(deadline);
            } else {
                return Err(self.time_out(cx, Part::Body));
            }
        }
        Ok(())
    }

    /// Returns the error of a client that is too slow.
    fn time_out(&mut self, cx: &mut Context<'_>, part: Part) -> io::Error {
        self.events.report(Event::TimedOut(part));
        self.fail(cx, TIMED_OUT);
        io::ErrorKind::TimedOut.into()
    }

    /// Sends the client a response, if no part of another one was written. The caller then returns
    /// an error, which closes the connection.
    fn fail(&mut self, cx: &mut Context<'_>, response: &[u8]) {
        self.has_failed = true;
        if !self.has_written {
            // A response that does not fit into the buffer of the system at once is lost.
            let _ = Pin::new(&mut self.io).poll_write(cx, response);
            let _ = Pin::new(&mut self.io).poll_shutdown(cx);
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guard<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.has_written = true;
        Pin::new(&mut this.io).poll_write(cx, bytes)
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
            this.has_written = false;
            this.credit.renew();
            if !this.held.is_empty() {
                cx.waker().wake_by_ref();
            }
        }
        if this.turn.is_malformed() {
            this.fail(cx, MALFORMED);
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        this.poll_head_timer(cx)?;
        this.poll_body_timer(cx)?;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

/// Reads what has arrived behind held bytes, or behind a request that has failed. If the system had
/// unread bytes, it would reset the connection, and the client could lose the last response.
impl<T: AsyncRead + Unpin> Drop for Guard<T> {
    fn drop(&mut self) {
        if self.held.is_empty() && !self.has_failed {
            return;
        }
        let (mut space, mut discarded) = ([0; 4096], 0);
        while discarded < DISCARDED_MAX {
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
