//! Turns accepted sockets into connections, or refuses them.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use actix_http::error::DispatchError;
use daybook_throttle::Full;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::admission::{Admission, Admitted, REFUSALS_MAX};
use crate::event::{Event, Events};
use crate::guard::{Guard, Timeouts};
use crate::linger::Lingering;
use crate::options::Options;
use crate::pace::Pace;
use crate::paced::Paced;
use crate::refusal::refuse;

/// The number of connections that may wait for `accept`, as in `HttpServer::bind`. The standard
/// library has chosen 128.
const BACKLOG: i32 = 2_048;

/// At most this number of bytes waits in the system to be sent to a client that does not read.
/// Together with what is under way it keeps about 230 KiB, instead of up to 4 MB.
#[cfg(target_os = "linux")]
const NOT_SENT_MAX: u32 = 128 * 1024;

/// An accepted connection with the address of its client.
pub(crate) type Connection = (Guard<Paced>, Option<SocketAddr>);

/// Accepts connections. Clones share the limits.
#[derive(Clone)]
pub(crate) struct Acceptor {
    admission: Option<Admission>,
    refusals: Arc<Semaphore>,
    timeouts: Timeouts,
    pace: Pace,
    lingering: Lingering,
    events: Events,
}

impl Acceptor {
    pub(crate) fn new(options: &Options) -> Self {
        let admission = |limits| Admission::new(limits, options.is_exempt.clone());
        let timeouts = Timeouts::new(options);
        Self {
            admission: options.connections.map(admission),
            refusals: Arc::new(Semaphore::new(REFUSALS_MAX)),
            timeouts,
            pace: Pace::new(options.minimum_rate, options.response_timeout, timeouts.idle),
            lingering: Lingering::new(options.connections),
            events: options.events.clone(),
        }
    }

    /// Returns the connection of an accepted socket.
    ///
    /// # Errors
    ///
    /// If the client has already disconnected, or a limit is reached. In the second case the client
    /// gets a response before.
    pub(crate) async fn accept(&self, io: TcpStream) -> Result<Connection, DispatchError> {
        let peer = io.peer_addr()?;
        match self.admit(peer) {
            Ok(admitted) => {
                let paced = Paced::new(io, self.pace, self.lingering.clone(), self.events.clone(), admitted);
                Ok((Guard::new(paced, self.timeouts, self.events.clone()), Some(peer)))
            }
            Err(full) => {
                self.refuse(io, full).await;
                Err(DispatchError::Io(io::ErrorKind::QuotaExceeded.into()))
            }
        }
    }

    fn admit(&self, peer: SocketAddr) -> Result<Option<Admitted>, Full> {
        self.admission.as_ref().map(|admission| admission.admit(peer)).transpose()
    }

    /// Refuses a connection, with a response unless too many others get one.
    async fn refuse(&self, io: TcpStream, full: Full) {
        let by_network = matches!(full, Full::Key(_));
        self.events.report(if by_network { Event::RefusedByNetwork } else { Event::RefusedInTotal });
        if let Ok(_permit) = self.refusals.try_acquire() {
            // The client may have disconnected.
            let _ = refuse(io, full).await;
        }
    }
}

/// Prepares the listening socket. Accepted sockets inherit its options.
pub(crate) fn prepare(listener: &TcpListener, tcp_nodelay: Option<bool>) -> io::Result<()> {
    let socket = SockRef::from(listener);
    // The second call only changes the backlog.
    socket.listen(BACKLOG)?;
    if let Some(enabled) = tcp_nodelay {
        socket.set_tcp_nodelay(enabled)?;
    }
    #[cfg(target_os = "linux")]
    socket.set_tcp_notsent_lowat(NOT_SENT_MAX)?;
    Ok(())
}
