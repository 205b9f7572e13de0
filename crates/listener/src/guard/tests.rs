use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Guard, Timeouts};
use crate::body::Body;
use crate::chunked::Chunked;
use crate::credit::MinimumRate;
use crate::event::Events;

const NO_TIMEOUTS: Timeouts = Timeouts {
    head: None,
    idle: None,
    body: MinimumRate { grace: Duration::from_secs(60 * 60), bytes_per_second: 0 },
};
const GET: &[u8] = b"GET / HTTP/1.1\r\n\r\n";
const CHUNKED: &[u8] = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";

/// A connection that returns these parts, one a read. An empty part is the end.
#[derive(Default, Clone)]
struct Script(Rc<RefCell<VecDeque<Vec<u8>>>>);

impl Script {
    fn send(&self, part: &[u8]) {
        self.0.borrow_mut().push_back(part.to_vec());
    }
}

impl AsyncRead for Script {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(mut part) = self.0.borrow_mut().pop_front() else { return Poll::Pending };
        let rest = part.split_off(part.len().min(buffer.remaining()));
        buffer.put_slice(&part);
        if !rest.is_empty() {
            self.0.borrow_mut().push_front(rest);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Script {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Counts how many times a task is woken.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A dispatcher that reads from a guard.
struct Dispatcher {
    script: Script,
    guard: Guard<Script>,
    wakes: Arc<Wakes>,
}

impl Dispatcher {
    fn new() -> Self {
        let script = Script::default();
        Self {
            guard: Guard::new(script.clone(), NO_TIMEOUTS, Events::default()),
            script,
            wakes: Arc::default(),
        }
    }

    /// Reads until the guard returns no more bytes. Returns them, and true at the end.
    fn read(&mut self) -> io::Result<(Vec<u8>, bool)> {
        let waker = Waker::from(Arc::clone(&self.wakes));
        let (mut all, mut space) = (Vec::new(), [0; 100]);
        loop {
            let mut buffer = ReadBuf::new(&mut space);
            match Pin::new(&mut self.guard).poll_read(&mut Context::from_waker(&waker), &mut buffer) {
                Poll::Ready(result) => result?,
                Poll::Pending => return Ok((all, false)),
            }
            if buffer.filled().is_empty() {
                return Ok((all, true));
            }
            all.extend_from_slice(buffer.filled());
        }
    }

    /// Sends a whole response, and flushes.
    fn respond(&mut self) {
        self.guard.turn.answer();
        let waker = Waker::from(Arc::clone(&self.wakes));
        let flushed = Pin::new(&mut self.guard).poll_flush(&mut Context::from_waker(&waker));
        assert!(matches!(flushed, Poll::Ready(Ok(()))));
    }

    fn wakes(&self) -> usize {
        self.wakes.0.swap(0, Ordering::Relaxed)
    }
}

#[test]
fn requests_pass_one_by_one_and_in_order() {
    let mut dispatcher = Dispatcher::new();
    dispatcher.script.send(&[GET, GET, b"GET /thi"].concat());
    dispatcher.script.send(b"rd HTTP/1.1\r\n\r\n");
    dispatcher.script.send(b"");
    let third = (&b"GET /third HTTP/1.1\r\n\r\n"[..], true);
    for (request, is_end) in [(GET, false), (GET, false), third] {
        let (read, ended) = dispatcher.read().unwrap();
        // The end of the connection shows as soon as nothing is held.
        assert_eq!((read.as_slice(), ended), (request, is_end));
        assert_eq!(dispatcher.wakes(), usize::from(!is_end), "the task is woken for held bytes");
        dispatcher.guard.turn.begin(None);
        if !is_end {
            assert_eq!(dispatcher.read().unwrap(), (Vec::new(), false));
        }
        assert_eq!(dispatcher.wakes(), 0, "the task is not woken before the response");
        dispatcher.respond();
        assert_eq!(dispatcher.wakes(), usize::from(!is_end), "the task is woken for the next request");
    }
    assert!(dispatcher.guard.held.is_empty());
}

#[test]
fn chunked_body_passes_after_the_head_is_decoded() {
    let (mut dispatcher, body) = (Dispatcher::new(), &b"1\r\na\r\n0\r\n\r\n"[..]);
    dispatcher.script.send(&[CHUNKED, body, GET].concat());
    assert_eq!(dispatcher.read().unwrap(), (CHUNKED.to_vec(), false));
    assert_eq!(dispatcher.wakes(), 1);
    dispatcher.guard.turn.begin(Some(Body::Chunked(Chunked::Size)));
    assert_eq!(dispatcher.read().unwrap(), (body.to_vec(), false));
    assert_eq!(dispatcher.wakes(), 0);
    dispatcher.respond();
    assert_eq!(dispatcher.wakes(), 1);
    assert_eq!(dispatcher.read().unwrap(), (GET.to_vec(), false));
    assert_eq!(dispatcher.wakes(), 0, "nothing is held, so the connection wakes the task");
}

#[test]
fn end_of_the_connection_shows_while_a_request_is_served() {
    let mut dispatcher = Dispatcher::new();
    dispatcher.script.send(GET);
    assert_eq!(dispatcher.read().unwrap(), (GET.to_vec(), false));
    dispatcher.guard.turn.begin(None);
    dispatcher.script.send(b"");
    assert_eq!(dispatcher.read().unwrap(), (Vec::new(), true));
}

#[test]
fn read_fails_if_actix_http_reads_another_body() {
    let mut dispatcher = Dispatcher::new();
    dispatcher.script.send(b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\ndata");
    dispatcher.read().unwrap();
    dispatcher.guard.turn.begin(Some(Body::Length(3)));
    dispatcher.read().unwrap_err();
}

#[test]
fn drop_reads_what_has_arrived_behind_held_bytes() {
    let mut dispatcher = Dispatcher::new();
    dispatcher.script.send(&[GET, GET].concat());
    dispatcher.read().unwrap();
    dispatcher.script.send(&[0; 10_000]);
    let script = dispatcher.script.clone();
    drop(dispatcher);
    assert!(script.0.borrow().is_empty());
}

#[test]
fn drop_reads_nothing_if_nothing_is_held() {
    let mut dispatcher = Dispatcher::new();
    dispatcher.script.send(GET);
    dispatcher.read().unwrap();
    dispatcher.script.send(GET);
    let script = dispatcher.script.clone();
    drop(dispatcher);
    assert_eq!(script.0.borrow().len(), 1);
}
