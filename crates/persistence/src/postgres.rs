//! PostgreSQL: a shared connection for short reads, a pool for everything else.

mod connector;
mod handle;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{Object, Pool, PoolError, Timeouts};
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use self::connector::CONNECT_TIMEOUT;
pub(crate) use self::connector::{Connector, Link};
pub(crate) use self::handle::{Held, Shared};
use crate::Error;
use crate::unit::complete;
use crate::url::PostgresLocation;

/// Connections for writes in one process. More than the server has cores only queue there instead of here; ten instances still
/// fit into PostgreSQL's default of a hundred connections together with their readers.
const POOL_SIZE: usize = 8;

/// A request waits this long for a free connection before it is told to come back later.
const POOL_WAIT: Duration = Duration::from_secs(1);

/// How often a pool that is to be drained is looked at: a write takes about as long.
const DRAIN_POLL: Duration = Duration::from_millis(5);

#[derive(Clone)]
pub(crate) struct Postgres {
    pool: Pool<Connector>,
    connector: Arc<Connector>,
    /// What the lane's connection is made with.
    reads: Arc<Connector>,
    /// Where writes and the pool's connections run: the runtime that opened the database, which outlives those of its workers.
    home: Handle,
    /// The connection for this worker's short reads; empty until it is first needed and after it broke.
    lane: Arc<Mutex<Option<Arc<Link>>>>,
}

impl Postgres {
    pub(crate) fn new(location: &PostgresLocation) -> Result<Self, Error> {
        let home = Handle::try_current().map_err(|cause| Error::Internal(cause.into()))?;
        let connector = Connector::new(location)?;
        let pool = Pool::builder(connector.clone())
            .max_size(POOL_SIZE)
            .timeouts(Timeouts {
                wait: Some(POOL_WAIT),
                create: Some(CONNECT_TIMEOUT),
                recycle: Some(CONNECT_TIMEOUT),
            })
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|cause| Error::Internal(cause.into()))?;
        let reads = Arc::new(Connector::for_reads(location)?);
        Ok(Self { pool, connector: Arc::new(connector), reads, home, lane: Arc::default() })
    }

    pub(crate) fn for_worker(&self) -> Self {
        Self { lane: Arc::default(), ..self.clone() }
    }

    pub(crate) fn connector(&self) -> Arc<Connector> {
        Arc::clone(&self.connector)
    }

    /// Runs short reads on the lane's connection, between those of other requests.
    pub(crate) async fn read<T, F>(
        &self,
        unit: impl FnOnce(Arc<Link>) -> F + Send + 'static,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send,
    {
        let this = self.clone();
        let answer = complete(&Handle::current(), async move { unit(this.link().await?).await }).await;
        answer.unwrap_or_else(|| {
            let this = self.clone();
            tokio::spawn(async move { this.renew_if_hung().await });
            Err(out_of_patience())
        })
    }

    /// Runs a unit on a pooled connection of its own.
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
        complete(&self.home, unit).await.unwrap_or_else(|| Err(out_of_patience()))
    }

    /// Waits until no unit of work holds a pooled connection or waits for one.
    pub(crate) async fn drained(&self) -> Result<(), Error> {
        let pool = self.pool.clone();
        let drained = async move {
            loop {
                let status = pool.status();
                if status.available == status.size && status.waiting == 0 {
                    return Ok(());
                }
                tokio::time::sleep(DRAIN_POLL).await;
            }
        };
        complete(&self.home, drained).await.unwrap_or_else(|| Err(out_of_patience()))
    }

    /// The lane's connection, made anew if need be. Whoever comes while it is being made waits for it, but not for ever.
    async fn link(&self) -> Result<Arc<Link>, Error> {
        let link = async {
            let mut lane = self.lane.lock().await;
            if let Some(link) = lane.as_ref().filter(|link| !link.is_closed()) {
                return Ok(Arc::clone(link));
            }
            let link = Arc::new(self.reads.connect().await?);
            *lane = Some(Arc::clone(&link));
            Ok(link)
        };
        let in_time = tokio::time::timeout(CONNECT_TIMEOUT, link).await;
        in_time.unwrap_or_else(|_| Err(Error::unavailable("connecting took too long")))
    }

    /// After a read without an answer: if the lane's connection does not answer a trivial query either, it is closed, so that
    /// the reads that wait on it fail and the next one makes a new connection.
    async fn renew_if_hung(&self) {
        let Some(link) = self.lane.lock().await.clone() else { return };
        // The query waits behind others, each of which has the server's deadline.
        let answer = tokio::time::timeout(connector::STATEMENT_TIMEOUT, link.is_alive()).await;
        if !answer.unwrap_or(false) {
            link.close();
        }
    }
}

fn out_of_patience() -> Error {
    Error::unavailable("it did not answer in time")
}

fn pool_error(error: PoolError<Error>) -> Error {
    match error {
        PoolError::Backend(cause) => cause,
        other => Error::unavailable(other),
    }
}
