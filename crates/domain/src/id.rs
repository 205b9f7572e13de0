//! The ids of stored rows: positive 64-bit integers, with a type for each resource.

use serde::{Deserialize, Serialize};

/// Declares the id of a resource. The types differ, so a note's id cannot be used to find a task.
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
    /// The id of an account. It is never reused, so an old token cannot open a new account.
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
