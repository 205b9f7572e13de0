//! PostgreSQL: a shared connection for short reads, a pool for everything else.

mod connector;
mod handle;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{Object, Pool, PoolError, Timeouts};
use tokio::sync::Mutex;

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
    /// The connection for this worker's short reads; empty until it is first needed and after it broke.
    lane: Arc<Mutex<Option<Arc<Link>>>>,
}

impl Postgres {
    pub(crate) fn new(location: &PostgresLocation) -> Result<Self, Error> {
        let connector = Connector::new(location)?;
        let connector = Arc::new(connector);
        let pool = Pool::builder(Connector::clone(&connector))
            .max_size(POOL_SIZE)
            .timeouts(Timeouts {
                wait: Some(POOL_WAIT),
                create: Some(connector::CONNECT_TIMEOUT),
                recycle: Some(connector::CONNECT_TIMEOUT),
            })
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|cause| Error::Internal(cause.into()))?;
        Ok(Self { pool, connector, lane: Arc::default() })
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
        let result = complete(async move { unit(this.link().await?).await }).await;
        if matches!(result, Err(Error::Unavailable(_))) {
            self.renew_if_hung().await;
        }
        result
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
        complete(async move { unit(pool.get().await.map_err(pool_error)?).await }).await
    }

    /// Waits until no unit of work holds a pooled connection or waits for one.
    pub(crate) async fn drained(&self) -> Result<(), Error> {
        let pool = self.pool.clone();
        complete(async move {
            loop {
                let status = pool.status();
                if status.available == status.size && status.waiting == 0 {
                    return Ok(());
                }
                tokio::time::sleep(DRAIN_POLL).await;
            }
        })
        .await
    }

    async fn link(&self) -> Result<Arc<Link>, Error> {
        let mut lane = self.lane.lock().await;
        if let Some(link) = lane.as_ref().filter(|link| !link.is_closed()) {
            return Ok(Arc::clone(link));
        }
        let connect = tokio::time::timeout(connector::CONNECT_TIMEOUT, self.connector.connect());
        let link = connect.await.map_err(|_| Error::unavailable("connecting took too long"))??;
        let link = Arc::new(link);
        *lane = Some(Arc::clone(&link));
        Ok(link)
    }

    /// After a read without an answer: if the lane's connection does not even answer a trivial query, it is closed, so that the
    /// reads that wait on it fail and the next one makes a new connection.
    async fn renew_if_hung(&self) {
        let Ok(mut lane) = self.lane.try_lock() else { return };
        let Some(link) = lane.as_ref().map(Arc::clone) else { return };
        let answer = tokio::time::timeout(connector::CONNECT_TIMEOUT, link.is_alive()).await;
        if !answer.unwrap_or(false) {
            link.close();
            *lane = None;
        }
    }
}

fn pool_error(error: PoolError<Error>) -> Error {
    match error {
        PoolError::Backend(cause) => cause,
        other => Error::unavailable(other),
    }
}
