//! PostgreSQL: a connection for short reads, and a pool for all other units.

mod connector;
mod handle;
mod hang;
mod link;
mod task;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{Object, Pool, PoolError, Timeouts};
use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::Mutex;

pub(crate) use self::connector::Connector;
pub(crate) use self::handle::{Held, Shared};
use self::hang::HangDetector;
pub(crate) use self::link::Link;
use self::task::{UNIT_TIMEOUT, complete};
use crate::error::Error;
use crate::url::PostgresLocation;

/// The number of connections for writes and large reads in one process. With more connections than
/// cores, the writes would only queue on the server. Ten instances, with their read connections,
/// stay below PostgreSQL's default limit of 100.
const POOL_SIZE: usize = 8;

/// The maximum wait of a unit for a free connection. After it, the unit is rejected as unavailable.
const POOL_TIMEOUT: Duration = Duration::from_secs(1);

/// The interval at which the pool is checked while it drains: about the duration of one write.
const DRAIN_INTERVAL: Duration = Duration::from_millis(5);

#[derive(Clone)]
pub(crate) struct Postgres {
    pool: Pool<Connector>,
    /// For the pool and for migrations.
    connector: Arc<Connector>,
    /// For the read connection.
    read_connector: Arc<Connector>,
    /// The runtime of writes and of the pool's connections. It is the runtime that opened the
    /// database, and it outlives the runtimes of the workers.
    write_runtime: Handle,
    /// This worker's connection for short reads. `None` until a read needs it.
    read_link: Arc<Mutex<Option<Arc<Link>>>>,
    hang_detector: HangDetector,
}

impl Postgres {
    pub(crate) fn new(location: &PostgresLocation) -> Result<Self, Error> {
        let write_runtime = Handle::try_current().map_err(|cause| Error::Internal(cause.into()))?;
        let connector = Connector::new(location)?;
        let pool = Pool::builder(connector.clone())
            .max_size(POOL_SIZE)
            .timeouts(Timeouts {
                wait: Some(POOL_TIMEOUT),
                create: Some(location.connect_timeout),
                recycle: Some(location.connect_timeout),
            })
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|cause| Error::Internal(cause.into()))?;
        let read_connector = Arc::new(Connector::for_reads(location)?);
        let connector = Arc::new(connector);
        let hang_detector = HangDetector::new(Arc::clone(&connector), write_runtime.clone());
        let read_link = Arc::default();
        Ok(Self { pool, connector, read_connector, write_runtime, read_link, hang_detector })
    }

    /// Returns the same database with a read connection of its own.
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
        let unit = async move { unit(this.link().await?).await };
        let result = complete(&Handle::current(), &self.hang_detector, unit).await;
        result.unwrap_or_else(|| {
            self.close_read_link();
            Err(timed_out())
        })
    }

    /// Runs large reads on a pooled connection, so that they do not delay the short reads. Their
    /// rows are converted on the caller's runtime, so that they do not delay the writes either.
    pub(crate) async fn read_large<T, F>(
        &self,
        unit: impl FnOnce(Object<Connector>) -> F + Send + 'static,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send,
    {
        let pool = self.pool.clone();
        let held = async move { pool.get().await.map_err(pool_error) };
        // The connection belongs to the runtime that outlives the workers.
        let held = self.complete(&self.write_runtime, held).await?;
        self.complete(&Handle::current(), async move { unit(held).await }).await
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
        self.complete(&self.write_runtime, unit).await
    }

    /// Runs a unit that uses the pool.
    fn complete<T: Send + 'static>(
        &self,
        runtime: &Handle,
        unit: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> impl Future<Output = Result<T, Error>> {
        let result = complete(runtime, &self.hang_detector, unit);
        result.map(|result| {
            result.unwrap_or_else(|| {
                // After a failover, the idle connections lead to a server that has gone.
                self.pool.retain(|_, _| false);
                Err(timed_out())
            })
        })
    }

    /// Waits until no unit holds a pooled connection or waits for one.
    pub(crate) async fn drained(&self) -> Result<(), Error> {
        let pool = self.pool.clone();
        let drained = async move {
            loop {
                let status = pool.status();
                if status.available == status.size && status.waiting == 0 {
                    return;
                }
                tokio::time::sleep(DRAIN_INTERVAL).await;
            }
        };
        // On this runtime, units that were spawned earlier begin earlier.
        let drained = self.write_runtime.spawn(drained);
        match tokio::time::timeout(UNIT_TIMEOUT, drained).await {
            Ok(drained) => drained.map_err(|panicked| Error::Internal(panicked.into())),
            Err(_) => Err(timed_out()),
        }
    }

    /// Returns the read connection. Opens it if there is none or if it has closed. Reads that
    /// arrive meanwhile wait for it, at most the URL's timeout.
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
        let in_time = tokio::time::timeout(self.read_connector.timeout(), link).await;
        in_time.unwrap_or_else(|_| Err(Error::unavailable("connecting took too long")))
    }

    /// Closes the read connection, because a read got no answer. The other reads that wait for it
    /// fail, and the next read opens a new connection.
    fn close_read_link(&self) {
        // If the lock is held, a read is opening a new connection.
        if let Ok(mut current) = self.read_link.try_lock()
            && let Some(link) = current.take()
        {
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
