//! The ids of what is stored: positive 64-bit integers, a type of its own for each resource.

use serde::{Deserialize, Serialize};

/// Declares an id: which resource it names is in its type, so that a note's id never finds a task.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        #[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "utoipa", schema(value_type = i64, minimum = 1))]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// The id of an account. Never used twice, so that an old token cannot open a new account.
    UserId
}
id! {
    /// The id of a note.
    NoteId
}
id! {
    /// The id of a task.
    TaskId
}
id! {
    /// The id of a session.
    SessionId
}
id! {
    /// The id of a summary.
    SummaryId
}
id! {
    /// The id of an event.
    EventId
}
