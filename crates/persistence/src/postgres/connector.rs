//! Opens connections with timeouts, and decides whether the pool may reuse one.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use tokio_postgres::config::LoadBalanceHosts;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::link::Link;
use super::tls;
use crate::error::Error;
use crate::url::PostgresLocation;

/// The server's timeouts in milliseconds: 4 s for a statement, 2 s for a lock, and 10 s for a
/// transaction with a client that hangs. The server must end slow queries, because this crate never
/// drops a running one. The timeout for a statement is shorter than that of a caller, which is
/// `UNIT_TIMEOUT`.
const TIMEOUT_OPTIONS: &str =
    "-c statement_timeout=4000 -c lock_timeout=2000 -c idle_in_transaction_session_timeout=10000";

/// The planner options of the read connections: one generic plan per statement, with an index.
///
/// All reads on these connections are limited and use an index. By default, PostgreSQL plans each
/// page of a large table again, because it estimates that a custom plan costs less than the generic
/// one. The planning doubles the cost of a page. PostgreSQL may also keep a sequential scan that
/// was right while the table was empty.
///
/// JIT takes about 40 ms for a statement. The planner estimates a very high cost for a disabled
/// scan, so it would use JIT where it finds no other plan.
const PLAN_OPTIONS: &str = "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off \
                            -c enable_bitmapscan=off -c max_parallel_workers_per_gather=0 -c jit=off";

/// Opens connections to one server. The pool uses it as its manager.
#[derive(Clone)]
pub(crate) struct Connector {
    /// One configuration for each host.
    hosts: Vec<Config>,
    tls: Option<MakeRustlsConnect>,
    timeout: Duration,
}

impl Connector {
    /// Returns the connector for writes and migrations.
    pub(super) fn new(location: &PostgresLocation) -> Result<Self, Error> {
        Self::with_options(location, TIMEOUT_OPTIONS)
    }

    /// Returns the connector for read connections.
    pub(super) fn for_reads(location: &PostgresLocation) -> Result<Self, Error> {
        Self::with_options(location, &format!("{TIMEOUT_OPTIONS} {PLAN_OPTIONS}"))
    }

    fn with_options(location: &PostgresLocation, ours: &str) -> Result<Self, Error> {
        let mut hosts = location.hosts.clone();
        for config in &mut hosts {
            let options = match config.get_options() {
                // The options of the URL come last, so they take precedence.
                Some(options) => format!("{ours} {options}"),
                None => ours.to_owned(),
            };
            config.options(options);
            if config.get_application_name().is_none() {
                config.application_name("daybook");
            }
        }
        Ok(Self { hosts, tls: tls::connector(&location.tls)?, timeout: location.connect_timeout })
    }

    /// The timeout of [`connect`](Self::connect).
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Opens a connection within the URL's timeout. The limit covers the handshake too, because a
    /// server can accept a connection and then not answer.
    pub(crate) async fn connect(&self) -> Result<Link, Error> {
        let in_time = tokio::time::timeout(self.timeout, self.establish()).await;
        in_time.unwrap_or_else(|_| Err(Error::unavailable("connecting took too long")))
    }

    /// Waits until the server answers an attempt to connect. An error is an answer, too.
    pub(super) async fn answer(&self) {
        while tokio::time::timeout(self.timeout, self.establish()).await.is_err() {}
    }

    /// Tries the hosts in their order, or in a random one with `load_balance_hosts=random`.
    ///
    /// As in libpq, the next host is tried only if one cannot be reached, is starting or stopping,
    /// or is not of the kind in `target_session_attrs`.
    async fn establish(&self) -> Result<Link, Error> {
        let mut hosts: Vec<&Config> = self.hosts.iter().collect();
        if hosts.iter().any(|config| config.get_load_balance_hosts() == LoadBalanceHosts::Random) {
            // Each `RandomState` has other keys.
            hosts.sort_by_cached_key(|_| RandomState::new().hash_one(0));
        }
        let mut last = Error::unavailable("there is no host");
        for config in hosts {
            let error = match &self.tls {
                Some(tls) => match config.connect(tls.clone()).await {
                    Ok((client, connection)) => return Link::new(client, connection).await,
                    Err(error) => error,
                },
                None => match config.connect(NoTls).await {
                    Ok((client, connection)) => return Link::new(client, connection).await,
                    Err(error) => error,
                },
            };
            let is_final = !may_try_next(&error);
            last = unavailable(error);
            if is_final {
                break;
            }
        }
        Err(last)
    }
}

/// Returns true if libpq tries the next host after this error.
fn may_try_next(error: &tokio_postgres::Error) -> bool {
    match error.as_db_error() {
        Some(error) => *error.code() == SqlState::CANNOT_CONNECT_NOW,
        // The driver does not export the kind of an error, only its text. The other kinds concern
        // TLS, the login and the protocol.
        None => error.to_string().starts_with("error connecting to server"),
    }
}

/// The cause of a failed connection is the source of the error. Neither text contains the password.
fn unavailable(cause: tokio_postgres::Error) -> Error {
    match std::error::Error::source(&cause) {
        Some(source) => Error::unavailable(format!("{cause}: {source}")),
        None => Error::unavailable(cause),
    }
}

impl Manager for Connector {
    type Type = Link;
    type Error = Error;

    async fn create(&self) -> Result<Link, Error> {
        self.connect().await
    }

    /// Decides without a query. The driver knows if the connection is closed, and Diesel knows if a
    /// transaction was left open.
    async fn recycle(&self, link: &mut Link, _: &Metrics) -> RecycleResult<Error> {
        if link.is_broken() {
            return Err(RecycleError::message("the connection has ended"));
        }
        Ok(())
    }
}
