//! Waits for clients that have not received all of a closed connection.

use std::io::Read;
use std::net::{Shutdown, TcpStream as StdStream};
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use crate::admission::{Admitted, ConnectionLimits};
use crate::pace::Pace;
use crate::unsent::unsent;

/// A closed connection whose client has not acknowledged more than this is left to the system. Most
/// clients acknowledge a response within a round trip.
const SMALL: u64 = 16 * 1024;

/// The number of closed connections that linger without a limit of connections.
const UNLIMITED: usize = 1_024;

/// At most this number of reads follow each other, because other connections wait meanwhile.
const READS_MAX: usize = 32;

/// The first wait for the client. Later ones are twice as long, up to the interval of probes.
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// Closed connections whose clients have not received all bytes. Clones share the limit.
#[derive(Clone)]
pub(crate) struct Lingering(Arc<Semaphore>);

impl Lingering {
    pub(crate) fn new(limits: Option<ConnectionLimits>) -> Self {
        let max = limits.map_or(UNLIMITED, ConnectionLimits::lingering);
        Self(Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS))))
    }

    /// Keeps a connection that is about to be closed until its client has received what was sent.
    ///
    /// The system would otherwise keep the bytes for a client that never reads, for minutes, and
    /// the connection would not count any more. It counts until the client has received all bytes,
    /// or was too slow. Beyond the limit, the connection is reset.
    pub(crate) fn keep(&self, io: &TcpStream, pace: Pace, admitted: Option<Admitted>) {
        let left = unsent(io);
        // A connection that the client has reset has no peer.
        if left == 0 || io.peer_addr().is_err() {
            return;
        }
        let socket = SockRef::from(io);
        if left <= SMALL {
            #[cfg(target_os = "linux")]
            let _ = socket.set_tcp_user_timeout(Some(pace.grace()));
            return;
        }
        // Outside a runtime, the process ends.
        let Ok(runtime) = Handle::try_current() else { return };
        let (Ok(permit), Ok(socket)) = (Arc::clone(&self.0).try_acquire_owned(), socket.try_clone()) else {
            let _ = io.set_zero_linger();
            return;
        };
        runtime.spawn(async move {
            wait(socket.into(), left, pace).await;
            drop((admitted, permit));
        });
    }
}

async fn wait(mut socket: StdStream, left: u64, pace: Pace) {
    let _ = socket.shutdown(Shutdown::Write);
    let (since, mut pause, mut space) = (Instant::now(), FIRST_WAIT, [0; 4096]);
    loop {
        // If the system had unread bytes, it would reset the connection.
        for _ in 0..READS_MAX {
            if !matches!(socket.read(&mut space), Ok(1..)) {
                break;
            }
        }
        let rest = unsent(&socket);
        if rest == 0 || socket.peer_addr().is_err() {
            return;
        }
        if Instant::now() >= pace.deadline(since, left.saturating_sub(rest)) {
            let _ = SockRef::from(&socket).set_linger(Some(Duration::ZERO));
            return;
        }
        sleep(pause).await;
        pause = (pause * 2).min(pace.probe_interval());
    }
}
