//! Drops a connection whose client does not read.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::admission::Admitted;
use crate::event::{Event, Events, Part};
use crate::linger::Lingering;
use crate::pace::Pace;
use crate::unsent::unsent;

/// A socket with a minimum rate for what it sends.
///
/// It stands below TLS, so that it counts the bytes on the wire.
pub(crate) struct Paced {
    io: TcpStream,
    pace: Pace,
    /// All bytes that the system has accepted.
    written: u64,
    /// `None` if the last write was complete.
    blocked: Option<Blocked>,
    /// True if the connection was reset because its client does not read.
    is_reset: bool,
    lingering: Lingering,
    events: Events,
    /// Counts the connection until it is closed.
    admitted: Option<Admitted>,
}

/// A response that does not fit into the buffers of the system.
struct Blocked {
    since: Instant,
    /// What the client had acknowledged at the first probe.
    base: Option<u64>,
    timer: Pin<Box<Sleep>>,
}

impl Paced {
    pub(crate) fn new(
        io: TcpStream,
        pace: Pace,
        lingering: Lingering,
        events: Events,
        admitted: Option<Admitted>,
    ) -> Self {
        events.report(Event::Opened);
        Self { io, pace, written: 0, blocked: None, is_reset: false, lingering, events, admitted }
    }

    /// Waits until the client has read something, and fails if that takes too long.
    ///
    /// The bytes that the client acknowledges until the first probe have filled the buffer of its
    /// system. They do not show that it reads. Later ones do, and each of them extends the time.
    ///
    /// epoll reports that a socket is writable when a third of its buffer is free. At the minimum
    /// rate this takes longer than the grace, so the socket is also written to without the report.
    fn poll_blocked(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let now = Instant::now();
        let next = now + self.pace.probe_interval();
        let blocked = self.blocked.get_or_insert_with(|| Blocked {
            since: now,
            base: None,
            timer: Box::pin(sleep_until(next)),
        });
        if blocked.timer.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        let acknowledged = self.written.saturating_sub(unsent(&self.io));
        let base = *blocked.base.get_or_insert(acknowledged);
        let deadline = self.pace.deadline(blocked.since, acknowledged.saturating_sub(base));
        if now >= deadline {
            self.events.report(Event::TimedOut(Part::Response));
            // The client is too slow, so the system need not keep what it has not sent.
            self.is_reset = self.io.set_zero_linger().is_ok();
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        blocked.timer.as_mut().reset(next.min(deadline));
        match SockRef::from(&self.io).send(bytes) {
            Ok(written) => {
                self.written += written as u64;
                return Poll::Ready(Ok(written));
            }
            Err(error) if !is_temporary(&error) => return Poll::Ready(Err(error)),
            Err(_) => {}
        }
        if blocked.timer.as_mut().poll(cx).is_ready() {
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
                this.written += written as u64;
                Poll::Ready(Ok(written))
            }
            Poll::Pending => this.poll_blocked(cx, bytes),
            failed => failed,
        }
    }

    /// The dispatcher flushes when its write buffer is empty, so the response has been written.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.blocked = None;
        Pin::new(&mut this.io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

impl Drop for Paced {
    fn drop(&mut self) {
        self.events.report(Event::Closed);
        if !self.is_reset {
            self.lingering.keep(&self.io, self.pace, self.admitted.take());
        }
    }
}
