//! The settings of a server.

use std::pin::Pin;
use std::time::Duration;

use actix_http::KeepAlive;

use crate::admission::{ConnectionLimits, IsExempt};
use crate::credit::MinimumRate;
use crate::event::Events;

/// The settings of a server.
///
/// Fields that `actix_web::HttpServer` has as methods of the same names have its defaults.
pub struct Options {
    /// The number of worker threads, from 1 to 512. `None` starts one for each core.
    pub workers: Option<usize>,
    /// How long an idle connection stays open.
    pub keep_alive: KeepAlive,
    /// How long a request head may take. Zero disables the timeout.
    pub client_request_timeout: Duration,
    /// How long closing a connection may take. Zero disables the timeout.
    pub client_disconnect_timeout: Duration,
    /// True if a client that has closed its side of the connection still gets its response. If
    /// false, the request is canceled.
    pub h1_allow_half_closed: bool,
    /// The value of `TCP_NODELAY` for accepted connections. `None` leaves that of the system.
    pub tcp_nodelay: Option<bool>,
    /// Starts the graceful shutdown when it completes. `None` waits for the signals of the system.
    pub shutdown_signal: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// How long requests in progress may take after the start of the shutdown, in whole seconds.
    pub shutdown_timeout: Duration,
    /// The rate at which clients must send request bodies and read responses.
    pub minimum_rate: MinimumRate,
    /// How long a client may take to read a part of a response that is in memory. This is the whole
    /// response, unless its body is a stream. The default is 10 minutes. A stream may take longer,
    /// if the client catches up with it in this time. `Duration::MAX` disables the limit.
    pub response_timeout: Duration,
    /// Limits the number of connections. `None` means no limit, which is the default.
    pub connections: Option<ConnectionLimits>,
    /// True for addresses that have only the total limit, such as proxies. By default there are
    /// none.
    pub is_exempt: IsExempt,
    /// Receives the events of connections.
    pub events: Events,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            workers: None,
            keep_alive: KeepAlive::default(),
            client_request_timeout: Duration::from_secs(5),
            client_disconnect_timeout: Duration::from_secs(1),
            h1_allow_half_closed: true,
            tcp_nodelay: None,
            shutdown_signal: None,
            shutdown_timeout: Duration::from_secs(30),
            minimum_rate: MinimumRate::default(),
            response_timeout: Duration::from_secs(10 * 60),
            connections: None,
            is_exempt: IsExempt::default(),
            events: Events::default(),
        }
    }
}
