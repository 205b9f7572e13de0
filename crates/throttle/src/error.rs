/// Why a [`Throttle`](crate::Throttle) cannot share its counters. Counting itself never fails.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No client can be made of the URL of Redis. It is not repeated, since a password may stand in it.
    #[error("the URL of Redis cannot be used")]
    Url,
    /// It was asked for outside of a Tokio runtime, which has to keep the connection.
    #[error("there is no Tokio runtime to keep the connection to Redis")]
    Runtime,
}
