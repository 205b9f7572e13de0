//! Why there is no summary, told to all who waited for it.

use std::sync::Arc;
use std::time::Duration;

use daybook_domain::Timestamp;

use crate::error::ApiError;

#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// The note was deleted meanwhile.
    NoteIsGone,
    /// There are too few tokens left until then, which is in so long.
    BudgetSpent(Timestamp, Duration),
    /// What is left is set aside for summaries that are being made.
    BudgetReserved,
    /// It may take more than the budget of a whole day.
    NeverFits,
    /// The provider, or the way to it.
    Provider(Arc<daybook_ai_client::Error>),
    /// The database.
    Database(Arc<daybook_persistence::Error>),
    /// It took longer than anybody waits.
    TimedOut,
    /// The service ends.
    Stopping,
    /// Its making broke off.
    Interrupted,
}

impl From<daybook_ai_client::Error> for Failure {
    fn from(error: daybook_ai_client::Error) -> Self {
        Self::Provider(Arc::new(error))
    }
}

impl From<daybook_persistence::Error> for Failure {
    fn from(error: daybook_persistence::Error) -> Self {
        match error {
            daybook_persistence::Error::NotFound => Self::NoteIsGone,
            other => Self::Database(Arc::new(other)),
        }
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NoteIsGone => Self::NotFound("Note not found"),
            Failure::BudgetSpent(resets_at, wait) => Self::BudgetSpent(resets_at, wait),
            Failure::BudgetReserved => Self::TooManySummaries,
            Failure::NeverFits => Self::Forbidden("The budget for summaries is too small for this note"),
            Failure::Provider(error) => Self::of_provider(&error),
            Failure::Database(error) => match &*error {
                daybook_persistence::Error::Unavailable(_) => Self::busy(error),
                _ => Self::internal(error),
            },
            Failure::TimedOut => Self::of_provider(&daybook_ai_client::Error::Timeout),
            Failure::Stopping => Self::busy("the service ends"),
            Failure::Interrupted => Self::busy("the making of a summary broke off"),
        }
    }
}
