//! Serves an app on a bound socket.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::time::Duration;

use actix_http::body::{BoxBody, MessageBody};
use actix_http::error::DispatchError;
use actix_http::h1::{ExpectHandler, UpgradeHandler};
use actix_http::{Extensions, HttpServiceBuilder, KeepAlive, Request, Response};
use actix_server::{GracefulShutdownSignal, Server};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::Error;
use actix_web::dev::AppConfig;
use tokio::net::TcpStream;

use crate::guard::{Guard, Timeouts};
use crate::watched::{Watched, watch};

/// The settings of a server. The defaults are those of `actix_web::HttpServer`, whose methods have
/// the same names.
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
        }
    }
}

/// The settings of each connection.
#[derive(Clone, Copy)]
struct Connections {
    keep_alive: KeepAlive,
    client_request_timeout: Duration,
    client_disconnect_timeout: Duration,
    h1_allow_half_closed: bool,
    tcp_nodelay: Option<bool>,
    address: SocketAddr,
}

/// Serves an actix-web app over HTTP/1.1, one request of a connection at a time.
///
/// Each worker thread calls `app` once. The server runs while it is awaited.
///
/// # Errors
///
/// When the socket has no address or cannot be made non-blocking.
///
/// # Panics
///
/// If the number of workers is 0 or over 512.
pub fn serve<F, I, S, B>(listener: TcpListener, options: Options, app: F) -> io::Result<Server>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Future: 'static,
    S::Error: Into<Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    S::Service: 'static,
    <S::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    let address = listener.local_addr()?;
    let connections = Connections {
        keep_alive: options.keep_alive,
        client_request_timeout: options.client_request_timeout,
        client_disconnect_timeout: options.client_disconnect_timeout,
        h1_allow_half_closed: options.h1_allow_half_closed,
        tcp_nodelay: options.tcp_nodelay,
        address,
    };
    let mut builder = Server::build().shutdown_timeout(options.shutdown_timeout.as_secs());
    if let Some(workers) = options.workers {
        builder = builder.workers(workers);
    }
    if let Some(signal) = options.shutdown_signal {
        builder = builder.shutdown_signal(signal);
    }
    let shutdown = builder.graceful_shutdown_signal();
    let builder = builder.listen(format!("actix-web-service-{address}"), listener, move || {
        let app: S = app().into_factory();
        let app = app.map_err(|error: S::Error| {
            let error: Error = error.into();
            error.error_response()
        });
        let config = AppConfig::__priv_test_new(false, address.to_string(), address);
        let app = map_config(app, move |()| config.clone());
        connections.service(watch::<_, B>(app), shutdown.clone())
    })?;
    Ok(builder.run())
}

impl Connections {
    /// Returns the service that serves accepted connections with this app.
    fn service<A>(
        self,
        app: A,
        shutdown: GracefulShutdownSignal,
    ) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = DispatchError, InitError = ()>
    where
        A: ServiceFactory<Request, Config = (), Response = Response<Watched>> + 'static,
        A::Future: 'static,
        A::Error: Into<Response<BoxBody>> + 'static,
        A::InitError: fmt::Debug,
        <A::Service as Service<Request>>::Future: 'static,
    {
        let http = HttpServiceBuilder::<Guard<TcpStream>, A, ExpectHandler, UpgradeHandler>::default()
            // Without this, idle connections would stay open during the shutdown.
            .graceful_shutdown_signal(move || {
                let shutdown = shutdown.clone();
                async move { shutdown.notified().await }
            })
            .keep_alive(self.keep_alive)
            .client_request_timeout(self.client_request_timeout)
            .client_disconnect_timeout(self.client_disconnect_timeout)
            .h1_allow_half_closed(self.h1_allow_half_closed)
            .local_addr(self.address)
            .on_connect_ext(|io: &Guard<TcpStream>, data: &mut Extensions| {
                data.insert(io.turn());
            })
            .h1::<A, Watched>(app);
        let head = self.client_request_timeout;
        let timeouts = Timeouts {
            head: Some(head).filter(|timeout| !timeout.is_zero()),
            idle: match self.keep_alive {
                KeepAlive::Timeout(timeout) => Some(timeout),
                _ => None,
            },
        };
        fn_service(move |io: TcpStream| async move {
            if let Some(enabled) = self.tcp_nodelay {
                // The connection works without it.
                let _ = io.set_nodelay(enabled);
            }
            let peer = io.peer_addr().ok();
            Ok::<_, DispatchError>((Guard::new(io, timeouts), peer))
        })
        .and_then(http)
    }
}
