//! Serves an app on a bound socket.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZero;
use std::thread::available_parallelism;
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

use crate::accept::{Acceptor, Connection, prepare};
use crate::admission::{CLOSING_MAX, ConnectionLimits, REFUSALS_MAX};
use crate::guard::Guard;
use crate::options::Options;
use crate::paced::Paced;
use crate::watched::{Watched, watch};

/// Serves an actix-web app over HTTP/1.1, one request of a connection at a time.
///
/// Each worker thread calls `app` once. The server runs while it is awaited.
///
/// # Errors
///
/// If the socket has no address, or its options cannot be set.
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
    prepare(&listener, options.tcp_nodelay)?;
    let workers = options.workers.unwrap_or_else(|| available_parallelism().map_or(1, NonZero::get));
    let http = Http {
        keep_alive: options.keep_alive,
        client_request_timeout: options.client_request_timeout,
        client_disconnect_timeout: options.client_disconnect_timeout,
        h1_allow_half_closed: options.h1_allow_half_closed,
        address,
    };
    let acceptor = Acceptor::new(&options);
    let mut builder = Server::build()
        .workers(workers)
        .max_concurrent_connections(connections_of_worker(options.connections, workers))
        .shutdown_timeout(options.shutdown_timeout.as_secs());
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
        let acceptor = acceptor.clone();
        fn_service(move |io: TcpStream| {
            let acceptor = acceptor.clone();
            async move { acceptor.accept(io).await }
        })
        .and_then(http.service(watch::<_, B>(app), shutdown.clone()))
    })?;
    Ok(builder.run())
}

/// Returns the number of sockets after which a worker accepts no more. The limits of connections
/// refuse others before. This one keeps a flood of connections from using up the descriptors.
///
/// It has room for the refusals that send a response, and for some that do not.
fn connections_of_worker(limits: Option<ConnectionLimits>, workers: usize) -> usize {
    // The builder adds to the limit, so the largest number would overflow.
    limits.map_or(usize::MAX / 2, |limits| {
        limits.total.saturating_add(REFUSALS_MAX + CLOSING_MAX).div_ceil(workers).min(usize::MAX / 2)
    })
}

/// The settings of each connection in actix-http.
#[derive(Clone, Copy)]
struct Http {
    keep_alive: KeepAlive,
    client_request_timeout: Duration,
    client_disconnect_timeout: Duration,
    h1_allow_half_closed: bool,
    address: SocketAddr,
}

impl Http {
    /// Returns the service that serves connections with this app.
    fn service<A>(
        self,
        app: A,
        shutdown: GracefulShutdownSignal,
    ) -> impl ServiceFactory<Connection, Config = (), Response = (), Error = DispatchError, InitError = ()>
    where
        A: ServiceFactory<Request, Config = (), Response = Response<Watched>> + 'static,
        A::Future: 'static,
        A::Error: Into<Response<BoxBody>> + 'static,
        A::InitError: fmt::Debug,
        <A::Service as Service<Request>>::Future: 'static,
    {
        HttpServiceBuilder::<Guard<Paced>, A, ExpectHandler, UpgradeHandler>::default()
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
            .on_connect_ext(|io: &Guard<Paced>, data: &mut Extensions| {
                data.insert(io.turn());
            })
            .h1::<A, Watched>(app)
    }
}
