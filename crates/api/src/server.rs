//! Binds, serves, and stops without losing a request.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::middleware::from_fn;
use actix_web::rt::spawn;
use actix_web::{App, web};
use daybook_listener::{ConnectionLimits, Events, IsExempt, Options, raise_open_file_limit};
use tokio::signal::unix::{SignalKind, signal};

use crate::config::ServerConfig;
use crate::middleware::surround;
use crate::openapi::document;
use crate::root_path::RootPath;
use crate::routes;
use crate::routes::docs::Document;
use crate::state::State;

/// How long requests in progress may take after SIGTERM. With the 5 s of a last write, it is less
/// than the 30 s after which orchestrators kill.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);

/// At the end of [`DRAIN_TIMEOUT`], this time remains for summaries to report their end and to
/// charge their tokens.
const DRAIN_RESERVE: Duration = Duration::from_secs(3);

/// A connection whose request head takes longer is closed.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// Longer than the 60 s of common load balancers, so that they close idle connections and not
/// daybook.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// A service that is bound and does not run yet.
pub(crate) struct Server {
    listener: TcpListener,
    address: SocketAddr,
    workers: usize,
    connections: ConnectionLimits,
    root_path: web::Data<RootPath>,
    state: State,
}

impl Server {
    /// Binds the address. With port 0 the system picks one, which [`Server::address`] returns.
    ///
    /// # Errors
    ///
    /// When the address is in use, or not one of this machine.
    pub(crate) fn bind(config: &ServerConfig, state: State) -> io::Result<Self> {
        let listener = TcpListener::bind(config.bind).map_err(|cause| {
            io::Error::new(cause.kind(), format!("cannot listen on {}: {cause}", config.bind))
        })?;
        let address = listener.local_addr()?;
        let (configured, proxies) = (config.root_path.clone(), config.trusted_proxies.clone());
        let root_path = web::Data::new(RootPath { configured, proxies });
        let connections = connection_limits(config);
        Ok(Self { listener, address, workers: config.workers, connections, root_path, state })
    }

    /// The address that the service listens on.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until SIGTERM or SIGINT. Then finishes the requests in progress and the writes that
    /// they began.
    ///
    /// # Errors
    ///
    /// When signals cannot be received or the server fails.
    pub(crate) async fn run(self) -> io::Result<()> {
        let openapi = document().map_err(io::Error::other)?;
        let document = Document::new(openapi, &self.root_path.configured).map_err(io::Error::other)?;
        let document = web::Data::new(document);
        let stop = stop_signal(self.state.clone())?;
        let jobs = self.state.jobs.clone();
        let jobs = spawn(jobs.run(self.state.database.clone(), self.state.metrics.clone()));
        let (state, root_path) = (self.state.clone(), self.root_path.clone());
        let app = move || {
            App::new()
                .app_data(web::Data::new(state.for_worker()))
                .app_data(document.clone())
                .app_data(root_path.clone())
                .configure(routes::configure)
                .wrap(from_fn(surround))
        };
        let ConnectionLimits { per_network, total } = self.connections;
        tracing::info!(total, per_address = per_network, "limits of connections");
        let (proxies, metrics) = (Arc::clone(&self.state.trusted_proxies), self.state.metrics.clone());
        let options = Options {
            workers: Some(self.workers),
            keep_alive: KEEP_ALIVE.into(),
            client_request_timeout: HEAD_TIMEOUT,
            tcp_nodelay: Some(true),
            // Like uvicorn: a client that has closed its side has disconnected. Work for it alone,
            // such as a summary, is canceled. A client that has pipelined another request is only
            // noticed when its response is written.
            h1_allow_half_closed: false,
            shutdown_signal: Some(Box::pin(stop)),
            shutdown_timeout: DRAIN_TIMEOUT,
            connections: Some(self.connections),
            is_exempt: IsExempt::new(move |address| proxies.contains(address)),
            events: Events::to(move |event| metrics.count_connection(event)),
            ..Options::default()
        };
        daybook_listener::serve(self.listener, options, app)?.await?;
        jobs.await.map_err(io::Error::other)?;
        self.state.delayed_events.finish().await;
        self.state.database.close().await.map_err(io::Error::other)
    }
}

/// Raises the limit of open files. Returns the configured limits of connections, or those that it
/// allows.
fn connection_limits(config: &ServerConfig) -> ConnectionLimits {
    let allowed = ConnectionLimits::for_open_files(raise_open_file_limit());
    let total = config.max_connections.unwrap_or(allowed.total);
    if total > allowed.total {
        let allowed = allowed.total;
        tracing::warn!(total, allowed, "DAYBOOK_MAX_CONNECTIONS is more than the limit of open files allows");
    }
    let per_network =
        config.max_connections_per_address.unwrap_or_else(|| allowed.per_network.min(total / 2));
    ConnectionLimits { per_network, total }
}

/// Completes when the service must stop. From then on it drains.
fn stop_signal(state: State) -> io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        state.drain();
        spawn(async move {
            tokio::time::sleep(DRAIN_TIMEOUT - DRAIN_RESERVE).await;
            state.summaries.give_up();
        });
    })
}
