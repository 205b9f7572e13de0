//! Reports what happens to connections, for metrics.

use std::fmt;
use std::sync::Arc;

/// Something that has happened to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A connection is served.
    Opened,
    /// A connection that was served has ended.
    Closed,
    /// A connection was refused, because its network has reached its limit.
    RefusedByNetwork,
    /// A connection was refused, because the total limit is reached.
    RefusedInTotal,
    /// A connection was closed, because its client was too slow. The timeout of the first head of a
    /// connection is actix-http's, which does not report it.
    TimedOut(Part),
}

/// The part of an exchange for which a client was too slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// The client did not send a head in time.
    Head,
    /// The client did not send a request body at the minimum rate.
    Body,
    /// The client did not read a response at the minimum rate, or not in time.
    Response,
}

/// Receives the events of all connections. Each is one call on the thread of the connection.
#[derive(Clone, Default)]
pub struct Events(Option<Arc<dyn Fn(Event) + Send + Sync>>);

impl Events {
    /// Calls `report` with each event. It must not block.
    pub fn to(report: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(report)))
    }

    pub(crate) fn report(&self, event: Event) {
        if let Some(report) = &self.0 {
            report(event);
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Events").field(&self.0.is_some()).finish()
    }
}
