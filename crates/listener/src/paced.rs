//! Drops a connection whose client does not read.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::admission::Admitted;
use crate::credit::{Credit, MinimumRate};
use crate::event::{Event, Events, Part};

/// A socket with a minimum rate for what it sends.
///
/// It stands below TLS, so that it counts the bytes on the wire.
pub(crate) struct Paced {
    io: TcpStream,
    credit: Credit,
    /// How often a full socket is written to, although the system does not report that it has room.
    probe_interval: Duration,
    /// How long the writer may be blocked without one moment in which everything was written.
    timeout: Duration,
    blocked_since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    events: Events,
    /// Counts the connection until it is closed.
    _admitted: Option<Admitted>,
}

/// The limits of a response.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) rate: MinimumRate,
    pub(crate) timeout: Duration,
}

impl Paced {
    pub(crate) fn new(io: TcpStream, pace: Pace, events: Events, admitted: Option<Admitted>) -> Self {
        events.report(Event::Opened);
        Self {
            io,
            credit: Credit::new(pace.rate),
            probe_interval: pace.rate.grace / 6,
            timeout: pace.timeout,
            blocked_since: None,
            timer: None,
            events,
            _admitted: admitted,
        }
    }

    /// Waits until the client has read something, and fails if that takes too long.
    ///
    /// epoll reports that a socket is writable when a third of its buffer is free. At the minimum
    /// rate this takes longer than the grace, and a client that reads would be dropped. The socket
    /// is therefore also written to without that report.
    fn poll_blocked(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let now = Instant::now();
        let timeout = *self.blocked_since.get_or_insert(now) + self.timeout;
        let deadline = self.credit.wait(now).min(timeout);
        let next = deadline.min(now + self.probe_interval);
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(next)));
        if timer.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        timer.as_mut().reset(next);
        match SockRef::from(&self.io).send(bytes) {
            Ok(written) => {
                self.credit.earn(written);
                return Poll::Ready(Ok(written));
            }
            Err(error) if !is_temporary(&error) => return Poll::Ready(Err(error)),
            Err(_) => {}
        }
        if now >= deadline {
            self.events.report(Event::TimedOut(Part::Response));
            // The client reads nothing, so the system need not keep what it has not sent.
            let _ = self.io.set_zero_linger();
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if timer.as_mut().poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

impl AsyncRead for Paced {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Paced {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match Pin::new(&mut this.io).poll_write(cx, bytes) {
            Poll::Ready(Ok(written)) => {
                this.credit.earn(written);
                Poll::Ready(Ok(written))
            }
            Poll::Pending => this.poll_blocked(cx, bytes),
            failed => failed,
        }
    }

    /// The dispatcher flushes when its write buffer is empty, so the response has been written.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.blocked_since.take().is_some() {
            this.credit.renew();
            this.timer = None;
        }
        Pin::new(&mut this.io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

impl Drop for Paced {
    fn drop(&mut self) {
        self.events.report(Event::Closed);
    }
}
