//! Making connections, and telling whether they still stand.

use std::time::Duration;

use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use diesel_async::{AnsiTransactionManager, AsyncPgConnection, TransactionManager};
use tokio::task::JoinHandle;
use tokio_postgres::NoTls;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::tls;
use crate::Error;
use crate::url::PostgresLocation;

/// Connecting takes milliseconds; a request that has waited longer than this for it should hear so within two seconds.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_millis(1_500);

/// The server's own deadline for a statement: less than the caller's patience of 5 s.
pub(crate) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(4);

/// The server's own deadlines, in milliseconds, since nobody here drops a query that is under way: a statement has
/// [`STATEMENT_TIMEOUT`], a lock is waited for 2 s, and a transaction whose client is stuck is ended after 10 s.
const DEADLINES: &str =
    "-c statement_timeout=4000 -c lock_timeout=2000 -c idle_in_transaction_session_timeout=10000";

/// What the read lanes add: all that is read there is found by an index and limited, so a statement is planned once and by its indexes.
///
/// By default PostgreSQL would plan each page anew where the table is large (a custom plan looks cheaper than the generic one), which
/// doubles what a page costs, and it may keep a sequential scan that was right while the table was empty.
const PLANS: &str = "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_bitmapscan=off \
                     -c max_parallel_workers_per_gather=0";

/// Makes connections to one server; the pool's manager, and what the read lanes use.
#[derive(Clone)]
pub(crate) struct Connector {
    config: tokio_postgres::Config,
    tls: Option<MakeRustlsConnect>,
}

/// A connection and the task that drives it.
pub(crate) struct Link {
    connection: AsyncPgConnection,
    driver: JoinHandle<()>,
}

impl Connector {
    /// For writes, and whatever else has a connection to itself.
    pub(crate) fn new(location: &PostgresLocation) -> Result<Self, Error> {
        Self::with_options(location, DEADLINES)
    }

    /// For the read lanes.
    pub(crate) fn for_reads(location: &PostgresLocation) -> Result<Self, Error> {
        Self::with_options(location, &format!("{DEADLINES} {PLANS}"))
    }

    fn with_options(location: &PostgresLocation, ours: &str) -> Result<Self, Error> {
        let mut config = location.config.clone();
        let options = match config.get_options() {
            // What the URL asks for comes last and wins.
            Some(options) => format!("{ours} {options}"),
            None => ours.to_owned(),
        };
        config.options(options);
        config.connect_timeout(CONNECT_TIMEOUT);
        // A server that vanished from the network is noticed within seconds, not in the two hours of TCP's default.
        config.tcp_user_timeout(Duration::from_secs(5)).keepalives_idle(Duration::from_secs(15));
        if config.get_application_name().is_none() {
            config.application_name("daybook");
        }
        Ok(Self { config, tls: tls::connector(&location.tls)? })
    }

    /// Makes a connection with the server's deadlines set, in [`CONNECT_TIMEOUT`] or not at all: a server may take a connection
    /// and then say nothing.
    pub(crate) async fn connect(&self) -> Result<Link, Error> {
        let in_time = tokio::time::timeout(CONNECT_TIMEOUT, self.establish()).await;
        in_time.unwrap_or_else(|_| Err(Error::unavailable("connecting took too long")))
    }

    async fn establish(&self) -> Result<Link, Error> {
        let (client, driver) = match &self.tls {
            Some(tls) => {
                let (client, driver) = self.config.connect(tls.clone()).await.map_err(unavailable)?;
                (client, drive(driver))
            }
            None => {
                let (client, driver) = self.config.connect(NoTls).await.map_err(unavailable)?;
                (client, drive(driver))
            }
        };
        let connection = AsyncPgConnection::try_from(client).await.map_err(Error::unavailable)?;
        Ok(Link { connection, driver })
    }
}

fn drive<S, T>(connection: tokio_postgres::Connection<S, T>) -> JoinHandle<()>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    tokio::spawn(async move {
        if let Err(cause) = connection.await {
            tracing::warn!(error = %cause, "a connection to PostgreSQL broke");
        }
    })
}

fn unavailable(cause: tokio_postgres::Error) -> Error {
    // The cause of a failed connect is one level down; neither holds the password.
    match std::error::Error::source(&cause) {
        Some(source) => Error::unavailable(format!("{cause}: {source}")),
        None => Error::unavailable(cause),
    }
}

impl Link {
    pub(crate) fn connection(&self) -> &AsyncPgConnection {
        &self.connection
    }

    pub(crate) fn connection_mut(&mut self) -> &mut AsyncPgConnection {
        &mut self.connection
    }

    pub(crate) fn into_connection(self) -> AsyncPgConnection {
        self.connection
    }

    /// Whether the server or the network has ended the connection.
    pub(crate) fn is_closed(&self) -> bool {
        self.driver.is_finished()
    }

    /// Ends the connection: whatever waits for an answer on it fails.
    pub(crate) fn close(&self) {
        self.driver.abort();
    }

    pub(crate) async fn is_alive(&self) -> bool {
        use diesel_async::SimpleAsyncConnection;
        (&mut &self.connection).batch_execute("").await.is_ok()
    }

    pub(crate) async fn begin(&mut self) -> Result<(), Error> {
        Ok(AnsiTransactionManager::begin_transaction(&mut self.connection).await?)
    }

    /// Commits after `Ok`, rolls back after `Err`.
    pub(crate) async fn end<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        match result {
            Ok(value) => {
                AnsiTransactionManager::commit_transaction(&mut self.connection).await?;
                Ok(value)
            }
            Err(error) => {
                // A connection whose rollback fails is broken, and the pool throws it away.
                if let Err(cause) = AnsiTransactionManager::rollback_transaction(&mut self.connection).await {
                    tracing::warn!(error = %cause, "a rollback failed");
                }
                Err(error)
            }
        }
    }
}

impl Manager for Connector {
    type Type = Link;
    type Error = Error;

    async fn create(&self) -> Result<Link, Error> {
        self.connect().await
    }

    /// Costs no query: the driver knows when the connection has ended, Diesel when a transaction was left open.
    async fn recycle(&self, link: &mut Link, _: &Metrics) -> RecycleResult<Error> {
        if link.is_closed() || AnsiTransactionManager::is_broken_transaction_manager(&mut link.connection) {
            return Err(RecycleError::message("the connection has ended"));
        }
        Ok(())
    }
}
