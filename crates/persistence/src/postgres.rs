//! PostgreSQL: a shared connection for short reads, and a pool for everything else.

mod connector;
mod handle;
mod link;
mod task;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{Object, Pool, PoolError, Timeouts};
use tokio::runtime::Handle;
use tokio::sync::Mutex;

pub(crate) use self::connector::Connector;
use self::connector::{CONNECT_TIMEOUT, STATEMENT_TIMEOUT};
pub(crate) use self::handle::{Held, Shared};
use self::link::Link;
use self::task::complete;
use crate::error::Error;
use crate::url::PostgresLocation;

/// Connections for writes in one process. More connections than the server has cores would only
/// move the queue to the server. Ten instances with their read connections stay below PostgreSQL's
/// default limit of 100.
const POOL_SIZE: usize = 8;

/// How long a write waits for a free connection before it is rejected as unavailable.
const POOL_TIMEOUT: Duration = Duration::from_secs(1);

/// How often the pool is checked while it drains: about the duration of one write.
const DRAIN_INTERVAL: Duration = Duration::from_millis(5);

#[derive(Clone)]
pub(crate) struct Postgres {
    pool: Pool<Connector>,
    /// For the pool and for migrations.
    connector: Arc<Connector>,
    /// For the read connection.
    read_connector: Arc<Connector>,
    /// The runtime of writes and of the pool's connections. It opened the database and outlives the
    /// runtimes of the workers.
    home: Handle,
    /// This worker's connection for short reads. Empty until it is needed.
    read_link: Arc<Mutex<Option<Arc<Link>>>>,
}

impl Postgres {
    pub(crate) fn new(location: &PostgresLocation) -> Result<Self, Error> {
        let home = Handle::try_current().map_err(|cause| Error::Internal(cause.into()))?;
        let connector = Connector::new(location)?;
        let pool = Pool::builder(connector.clone())
            .max_size(POOL_SIZE)
            .timeouts(Timeouts {
                wait: Some(POOL_TIMEOUT),
                create: Some(CONNECT_TIMEOUT),
                recycle: Some(CONNECT_TIMEOUT),
            })
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|cause| Error::Internal(cause.into()))?;
        let read_connector = Arc::new(Connector::for_reads(location)?);
        Ok(Self { pool, connector: Arc::new(connector), read_connector, home, read_link: Arc::default() })
    }

    /// Returns the same database with an own read connection.
    pub(crate) fn for_worker(&self) -> Self {
        Self { read_link: Arc::default(), ..self.clone() }
    }

    pub(crate) fn connector(&self) -> Arc<Connector> {
        Arc::clone(&self.connector)
    }

    /// Runs short reads on the read connection, pipelined with those of other requests.
    pub(crate) async fn read<T, F>(
        &self,
        unit: impl FnOnce(Arc<Link>) -> F + Send + 'static,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send,
    {
        let this = self.clone();
        let result = complete(&Handle::current(), async move { unit(this.link().await?).await }).await;
        result.unwrap_or_else(|| {
            let this = self.clone();
            tokio::spawn(async move { this.close_if_hung().await });
            Err(timed_out())
        })
    }

    /// Runs a unit on a pooled connection.
    pub(crate) async fn write<T, F>(
        &self,
        unit: impl FnOnce(Object<Connector>) -> F + Send + 'static,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send,
    {
        let pool = self.pool.clone();
        let unit = async move { unit(pool.get().await.map_err(pool_error)?).await };
        complete(&self.home, unit).await.unwrap_or_else(|| Err(timed_out()))
    }

    /// Waits until no unit holds a pooled connection or waits for one.
    pub(crate) async fn drained(&self) -> Result<(), Error> {
        let pool = self.pool.clone();
        let drained = async move {
            loop {
                let status = pool.status();
                if status.available == status.size && status.waiting == 0 {
                    return Ok(());
                }
                tokio::time::sleep(DRAIN_INTERVAL).await;
            }
        };
        complete(&self.home, drained).await.unwrap_or_else(|| Err(timed_out()))
    }

    /// Returns the read connection, and opens it if there is none or if it has closed. Reads that
    /// arrive meanwhile wait for it, at most [`CONNECT_TIMEOUT`].
    async fn link(&self) -> Result<Arc<Link>, Error> {
        let link = async {
            let mut current = self.read_link.lock().await;
            if let Some(link) = current.as_ref().filter(|link| !link.is_closed()) {
                return Ok(Arc::clone(link));
            }
            let link = Arc::new(self.read_connector.connect().await?);
            *current = Some(Arc::clone(&link));
            Ok(link)
        };
        let in_time = tokio::time::timeout(CONNECT_TIMEOUT, link).await;
        in_time.unwrap_or_else(|_| Err(Error::unavailable("connecting took too long")))
    }

    /// Closes the read connection if it does not answer a trivial query either. The reads that wait
    /// on it then fail, and the next read opens a new connection.
    async fn close_if_hung(&self) {
        let Some(link) = self.read_link.lock().await.clone() else { return };
        // The query waits behind others, each of which has the server's deadline.
        let answer = tokio::time::timeout(STATEMENT_TIMEOUT, link.is_alive()).await;
        if !answer.unwrap_or(false) {
            link.close();
        }
    }
}

fn timed_out() -> Error {
    Error::unavailable("it did not answer in time")
}

fn pool_error(error: PoolError<Error>) -> Error {
    match error {
        PoolError::Backend(cause) => cause,
        other => Error::unavailable(other),
    }
}
