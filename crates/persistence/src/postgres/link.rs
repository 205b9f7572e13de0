//! One connection, the task that drives it, and transactions on it.

use diesel_async::{AnsiTransactionManager, AsyncPgConnection, TransactionManager};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Connection};

use crate::error::Error;

/// A connection, and the task that drives it: it sends the queries and receives the results.
pub(crate) struct Link {
    connection: AsyncPgConnection,
    driver: JoinHandle<()>,
}

impl Link {
    /// Spawns the task that drives the connection.
    pub(super) async fn new<S, T>(client: Client, connection: Connection<S, T>) -> Result<Self, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let driver = tokio::spawn(async move {
            if let Err(cause) = connection.await {
                tracing::warn!(error = %cause, "a connection to PostgreSQL broke");
            }
        });
        let connection = AsyncPgConnection::try_from(client).await.map_err(Error::unavailable)?;
        Ok(Self { connection, driver })
    }

    pub(crate) fn connection(&self) -> &AsyncPgConnection {
        &self.connection
    }

    pub(crate) fn connection_mut(&mut self) -> &mut AsyncPgConnection {
        &mut self.connection
    }

    pub(crate) fn into_connection(self) -> AsyncPgConnection {
        self.connection
    }

    /// Returns true if the server or the network has closed the connection.
    pub(super) fn is_closed(&self) -> bool {
        self.driver.is_finished()
    }

    /// Returns true if the connection is closed, or a transaction was left open on it.
    pub(super) fn is_broken(&mut self) -> bool {
        self.is_closed() || AnsiTransactionManager::is_broken_transaction_manager(&mut self.connection)
    }

    /// Closes the connection. All queries that wait on it fail.
    pub(super) fn close(&self) {
        self.driver.abort();
    }

    pub(crate) async fn begin(&mut self) -> Result<(), Error> {
        Ok(AnsiTransactionManager::begin_transaction(&mut self.connection).await?)
    }

    /// Commits the transaction after `Ok`, and rolls it back after `Err`.
    pub(crate) async fn end<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        match result {
            Ok(value) => {
                AnsiTransactionManager::commit_transaction(&mut self.connection).await?;
                Ok(value)
            }
            Err(error) => {
                // If the rollback fails, the connection is broken and the pool discards it.
                if let Err(cause) = AnsiTransactionManager::rollback_transaction(&mut self.connection).await {
                    tracing::warn!(error = %cause, "a rollback failed");
                }
                Err(error)
            }
        }
    }
}
