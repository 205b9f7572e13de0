//! Tasks: something to do, in a city that has weather.

use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::note::{CONTENT_MAX, TITLE_MAX};
use crate::text::{no_nul, no_nul_if_sent};
use crate::{TaskId, Timestamp, UserId};

/// The most characters of a city's name.
const CITY_MAX: usize = 100;

/// A stored task, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Task {
    /// The task's id.
    pub id: TaskId,
    /// 1 to 200 characters.
    #[cfg_attr(feature = "utoipa", schema(example = "Paint the fence"))]
    pub title: String,
    /// At most 100,000 characters.
    #[cfg_attr(feature = "utoipa", schema(example = "Two coats, if it stays dry."))]
    pub content: String,
    /// Where: at most 100 characters, as the user wrote it.
    #[cfg_attr(feature = "utoipa", schema(example = "Lisbon"))]
    pub city: String,
    /// Whose it is.
    pub user_id: UserId,
    /// When the task was written.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A task to be written, or the whole new content of one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Validate)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct TaskDraft {
    /// 1 to 200 characters.
    #[garde(length(chars, min = 1, max = TITLE_MAX), custom(no_nul))]
    #[cfg_attr(
        feature = "utoipa",
        schema(min_length = 1, max_length = 200, pattern = "^[^\\u0000]*$", example = "Paint the fence")
    )]
    pub title: String,
    /// At most 100,000 characters; may be empty.
    #[garde(length(chars, max = CONTENT_MAX), custom(no_nul))]
    #[cfg_attr(
        feature = "utoipa",
        schema(max_length = 100_000, pattern = "^[^\\u0000]*$", example = "Two coats, if it stays dry.")
    )]
    pub content: String,
    /// Where: at most 100 characters; without a city there is no weather.
    #[garde(length(chars, max = CITY_MAX), custom(no_nul))]
    #[cfg_attr(feature = "utoipa", schema(max_length = 100, pattern = "^[^\\u0000]*$", example = "Lisbon"))]
    pub city: String,
    /// Whose task it is: when sent, it must be the caller's own id.
    #[garde(skip)]
    #[cfg_attr(feature = "utoipa", schema(example = json!(null)))]
    pub user_id: Option<i64>,
}

/// What changes in a task; a field that is absent or null stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Validate)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct TaskPatch {
    /// 1 to 200 characters.
    #[garde(length(chars, min = 1, max = TITLE_MAX), custom(no_nul_if_sent))]
    #[cfg_attr(
        feature = "utoipa",
        schema(min_length = 1, max_length = 200, pattern = "^[^\\u0000]*$", example = "Paint both fences")
    )]
    pub title: Option<String>,
    /// At most 100,000 characters; may be empty.
    #[garde(length(chars, max = CONTENT_MAX), custom(no_nul_if_sent))]
    #[cfg_attr(
        feature = "utoipa",
        schema(max_length = 100_000, pattern = "^[^\\u0000]*$", example = "One coat will do.")
    )]
    pub content: Option<String>,
    /// Where: at most 100 characters; without a city there is no weather.
    #[garde(length(chars, max = CITY_MAX), custom(no_nul_if_sent))]
    #[cfg_attr(feature = "utoipa", schema(max_length = 100, pattern = "^[^\\u0000]*$", example = "Porto"))]
    pub city: Option<String>,
    /// Whose task it is: when sent, it must be the caller's own id. A task never changes hands.
    #[garde(skip)]
    #[cfg_attr(feature = "utoipa", schema(example = json!(null)))]
    pub user_id: Option<i64>,
}

impl From<TaskDraft> for TaskPatch {
    /// Replacing a task is a patch that names every field.
    fn from(draft: TaskDraft) -> Self {
        Self {
            title: Some(draft.title),
            content: Some(draft.content),
            city: Some(draft.city),
            user_id: draft.user_id,
        }
    }
}
