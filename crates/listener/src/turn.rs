//! Decides how many bytes of a connection may pass to actix-http.

use std::any::Any;
use std::cell::Cell;
use std::fmt;

use crate::body::Body;
use crate::head::{Head, announced_length};

/// The part of the current request that passes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The head, or its rest.
    Head(Head),
    /// The head has passed. actix-http has not called the service yet, so the end of the request is
    /// not known. The announced body may pass meanwhile, because waiting for the call would cost
    /// every `POST` a turn of the dispatcher.
    Offered {
        /// The number of bytes of the body that have passed.
        passed: u64,
        /// The number of bytes of the body that may still pass.
        left: u64,
        /// True if the dispatcher has read all of it, so it decodes the head before it reads again.
        waits: bool,
    },
    /// The body, or its rest.
    Body(Body),
    /// Nothing until the response has been sent. The request has passed.
    Complete,
    /// All bytes, because actix-http only discards them.
    Abandoned,
    /// Nothing. A byte of the body is malformed, so the end of the request is not known.
    Malformed,
    /// Nothing. actix-http has understood the request differently.
    Broken,
}

impl Phase {
    const START: Self = Self::Head(Head::Start);

    /// Returns the phase behind the bytes that may pass, and their number.
    fn admit(self, bytes: &[u8]) -> (Self, usize) {
        match self {
            Self::Head(mut head) => {
                let is_whole = head == Head::Start;
                let Some(end) = head.advance(bytes) else { return (Self::Head(head), bytes.len()) };
                let (head, behind) = bytes.split_at(end);
                let left = if is_whole && !behind.is_empty() { announced_length(head) } else { 0 };
                let (phase, early) = Self::Offered { passed: 0, left, waits: false }.admit(behind);
                (phase, end + early)
            }
            // actix-http needs more bytes, although the head has ended. No head is known with which
            // this happens while it decodes.
            Self::Offered { passed: 0, waits: true, .. } => Self::Head(Head::LineStart).admit(bytes),
            // It does not decode, and only discards the rest of the connection. It does so behind a
            // body that the app has not read.
            Self::Offered { waits: true, .. } | Self::Abandoned => (Self::Abandoned, bytes.len()),
            Self::Offered { passed, left, .. } => {
                let early = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                let (passed, left) = (passed + early as u64, left - early as u64);
                (Self::Offered { passed, left, waits: false }, early)
            }
            Self::Body(mut body) => match body.advance(bytes) {
                Some(end) => (Self::Complete, end),
                None if body.is_malformed() => (Self::Malformed, 0),
                None => (Self::Body(body), bytes.len()),
            },
            Self::Complete | Self::Malformed | Self::Broken => (self, 0),
        }
    }

    /// Returns the phase after actix-http has called the service with a request with this body.
    fn begin(self, body: Option<Body>) -> Self {
        let Self::Offered { passed, left, .. } = self else { return Self::Broken };
        match body {
            Some(Body::Length(length)) if length == passed + left => match left {
                0 => Self::Complete,
                _ => Self::Body(Body::Length(left)),
            },
            _ if passed > 0 => Self::Broken,
            None => Self::Complete,
            Some(body) => Self::Body(body),
        }
    }
}

/// The state of a connection: the request that passes or is served.
///
/// The guard of the connection and the service share it.
pub(crate) struct Turn {
    phase: Cell<Phase>,
    /// True if the response of the current request has ended. Its last bytes may still be in the
    /// write buffer of the dispatcher.
    answered: Cell<bool>,
    /// True if the first request has begun. actix-http limits the time of the first head only.
    has_served: Cell<bool>,
    /// True if bytes of a later head have passed, also if these are empty lines before it.
    has_begun_head: Cell<bool>,
    /// What the app keeps until the current response has been sent.
    kept: Cell<Option<Box<dyn Any>>>,
}

impl Turn {
    /// Returns the state of a new connection.
    pub(crate) fn new() -> Self {
        Self {
            phase: Cell::new(Phase::START),
            answered: Cell::new(false),
            has_served: Cell::new(false),
            has_begun_head: Cell::new(false),
            kept: Cell::new(None),
        }
    }

    /// Returns how many of these bytes may pass now. They count as passed.
    pub(crate) fn admit(&self, bytes: &[u8]) -> usize {
        let is_head = matches!(self.phase.get(), Phase::Head(_)) && self.has_served.get();
        let (phase, passing) = self.phase.get().admit(bytes);
        self.phase.set(phase);
        if is_head && passing > 0 {
            self.has_begun_head.set(true);
        }
        passing
    }

    /// Records that the dispatcher waits for bytes. Returns true if it has a head to decode, after
    /// which more bytes may pass.
    pub(crate) fn wait(&self) -> bool {
        let Phase::Offered { passed, left, .. } = self.phase.get() else { return false };
        self.phase.set(Phase::Offered { passed, left, waits: true });
        true
    }

    /// Records that actix-http has called the service with a request with this body.
    pub(crate) fn begin(&self, body: Option<Body>) {
        self.phase.set(self.phase.get().begin(body));
        self.answered.set(false);
        self.has_served.set(true);
        self.has_begun_head.set(false);
    }

    /// Records that the response of the current request has ended.
    pub(crate) fn answer(&self) {
        self.answered.set(true);
    }

    /// Returns true if the current request and its response are complete.
    pub(crate) fn is_over(&self) -> bool {
        self.answered.get() && self.phase.get() == Phase::Complete
    }

    /// Returns true if the rest of a body has not passed yet.
    pub(crate) fn is_in_body(&self) -> bool {
        matches!(self.phase.get(), Phase::Body(_))
    }

    /// Returns the state of a head after the first request that is not complete, once bytes of it
    /// have passed.
    pub(crate) fn unfinished_head(&self) -> Option<Head> {
        match self.phase.get() {
            Phase::Head(head) if self.has_begun_head.get() => Some(head),
            _ => None,
        }
    }

    /// Keeps a value until the current response has been sent.
    pub(crate) fn keep(&self, value: Box<dyn Any>) {
        self.kept.set(Some(value));
    }

    /// Starts the next request if the current one and its response are complete. Returns true if it
    /// has started one. The write buffer of the dispatcher must be empty.
    pub(crate) fn finish(&self) -> bool {
        if self.answered.get() {
            self.kept.set(None);
        }
        let is_over = self.is_over();
        if is_over {
            self.phase.set(Phase::START);
            self.answered.set(false);
        }
        is_over
    }

    /// Returns true if the body of the current request is malformed. Nothing passes any more.
    pub(crate) fn is_malformed(&self) -> bool {
        self.phase.get() == Phase::Malformed
    }

    /// True if actix-http has understood the request differently. Nothing passes any more.
    pub(crate) fn is_broken(&self) -> bool {
        self.phase.get() == Phase::Broken
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Turn");
        debug.field("phase", &self.phase).field("answered", &self.answered).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
