//! Binding, serving and stopping: the binary and the tests use the same.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Config;
use crate::envelope::envelope;
use crate::openapi;
use crate::routes;
use crate::routes::docs::Document;
use crate::state::State;

/// How long requests that were begun may take to end after SIGTERM. With the 5 s that a last write may take, it is less than the
/// 30 s after which orchestrators kill.
const GRACE: Duration = Duration::from_secs(20);

/// What of that is for telling whoever waits for a summary that there will be none, and for booking what it took.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// A head arrives within this time or its connection is closed.
const HEAD_DEADLINE: Duration = Duration::from_secs(5);

/// As long as load balancers keep their own connections, and a little more, so that it is never daybook that closes first.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// A service that is bound and not yet running.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    workers: usize,
    state: State,
}

impl Server {
    /// Takes the address. With port 0 the system picks one; see [`Server::address`].
    ///
    /// # Errors
    ///
    /// When the address is taken or not this machine's.
    pub fn bind(config: &Config, state: State) -> io::Result<Self> {
        let listener = TcpListener::bind(config.bind).map_err(|cause| {
            io::Error::new(cause.kind(), format!("cannot listen on {}: {cause}", config.bind))
        })?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, workers: config.workers, state })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until SIGTERM or SIGINT, then finishes the requests that were begun and what they began to write.
    ///
    /// # Errors
    ///
    /// When signals cannot be waited for or the server fails.
    pub async fn run(self) -> io::Result<()> {
        let state = self.state.clone();
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let stop = async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::info!("stopping");
            state.drain();
            actix_web::rt::spawn(async move {
                tokio::time::sleep(GRACE - LAST_WORDS).await;
                state.summaries.give_up();
            });
        };
        let document = web::Data::new(Document(openapi::document_json().map_err(io::Error::other)?.into()));
        let state = self.state.clone();
        HttpServer::new(move || {
            App::new()
                .app_data(web::Data::new(state.for_worker()))
                .app_data(document.clone())
                .configure(routes::configure)
                .wrap(from_fn(envelope))
        })
        .workers(self.workers)
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(HEAD_DEADLINE)
        .tcp_nodelay(true)
        // A client that has closed its side is gone, as for uvicorn: what is made for it alone, such as a summary, is given up.
        .h1_allow_half_closed(false)
        .shutdown_signal(stop)
        .shutdown_timeout(GRACE.as_secs())
        .listen(self.listener)?
        .run()
        .await?;
        self.state.database.flush().await.map_err(io::Error::other)
    }
}
