//! The error of this crate.

use std::sync::Arc;

use daybook_domain::SummaryStatus;

/// The reason why there is no summary. The type is `Clone`, so that each waiter of a
/// [`SingleFlight`](crate::SingleFlight) gets the error.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The provider's response has no summary, or there was no response. The source may quote the
    /// note.
    #[error("the AI provider did not give a summary")]
    Provider(#[source] Arc<daybook_ai_client::Error>),

    /// All calls together took longer than [`Model::timeout`](crate::Model::timeout).
    #[error("the summary was not complete before its timeout")]
    Timeout,

    /// The caller cancelled the run.
    #[error("the summary was cancelled")]
    Cancelled,

    /// The task that wrote the summary ended without an outcome. It panicked, or its runtime ended.
    #[error("the task that wrote the summary ended early")]
    Interrupted,

    /// A price list does not have the form `gpt-5-nano=0.05/0.40,llama3.2=0/0`.
    #[error("the price list does not look like gpt-5-nano=0.05/0.40,llama3.2=0/0")]
    InvalidPrices,
}

impl Error {
    /// Returns the status of a summary that ended with this error.
    #[must_use]
    pub fn status(&self) -> SummaryStatus {
        match self {
            Self::Provider(error) => match **error {
                daybook_ai_client::Error::Incomplete { .. } => SummaryStatus::Incomplete,
                daybook_ai_client::Error::Refused { .. } => SummaryStatus::Refused,
                _ => SummaryStatus::Failed,
            },
            Self::Cancelled => SummaryStatus::Cancelled,
            _ => SummaryStatus::Failed,
        }
    }
}

impl From<daybook_ai_client::Error> for Error {
    fn from(error: daybook_ai_client::Error) -> Self {
        Self::Provider(Arc::new(error))
    }
}
