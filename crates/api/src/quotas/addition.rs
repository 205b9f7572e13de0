//! What a write adds to the storage of its user.

use daybook_domain::{Content, NoteDraft, NoteId, NotePatch, TaskDraft, TaskId, TaskPatch, Title, UserId};
use daybook_persistence::{Database, Storage, TextBytes};
use daybook_summarizer::Summarizer;

use super::tally::Growth;
use crate::error::{ApiError, NOTE_NOT_FOUND, TASK_NOT_FOUND};

/// What a write adds at most, and the row whose texts it replaces.
pub(crate) struct Addition {
    /// An upper bound that needs no look at the replaced row.
    upper_bound: Storage,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    /// A new note or task.
    Create,
    /// A change of a row.
    Update { row: Row, sets_title: bool, sets_content: bool },
    /// A text that is stored minutes later, in the background.
    Summary,
}

pub(super) enum Row {
    Note(NoteId),
    Task(TaskId),
}

impl Addition {
    /// A new note.
    pub(crate) fn note(draft: &NoteDraft) -> Self {
        Self::create(&draft.title, &draft.content)
    }

    /// A new task.
    pub(crate) fn task(draft: &TaskDraft) -> Self {
        Self::create(&draft.title, &draft.content)
    }

    /// A change of a note.
    pub(crate) fn note_change(id: NoteId, patch: &NotePatch) -> Self {
        Self::update(Row::Note(id), patch.title.as_ref(), patch.content.as_ref())
    }

    /// A change of a task.
    pub(crate) fn task_change(id: TaskId, patch: &TaskPatch) -> Self {
        Self::update(Row::Task(id), patch.title.as_ref(), patch.content.as_ref())
    }

    /// A summary. Its length is not known before it is written.
    pub(crate) fn summary() -> Self {
        let bytes = Summarizer::BYTES_MAX as u64 + Storage::SUMMARY;
        Self { upper_bound: Storage { items: 0, bytes }, kind: Kind::Summary }
    }

    fn create(title: &Title, content: &Content) -> Self {
        let bytes = bytes_of(title.as_str()) + bytes_of(content.as_str());
        Self { upper_bound: Storage { items: 1, bytes }, kind: Kind::Create }
    }

    fn update(row: Row, title: Option<&Title>, content: Option<&Content>) -> Self {
        let title_bytes = title.map_or(0, |title| bytes_of(title.as_str()));
        let content_bytes = content.map_or(0, |content| bytes_of(content.as_str()));
        Self {
            upper_bound: Storage { items: 0, bytes: title_bytes + content_bytes },
            kind: Kind::Update { row, sets_title: title.is_some(), sets_content: content.is_some() },
        }
    }

    /// Returns what the write adds if it replaces nothing.
    pub(super) fn upper_growth(&self) -> Growth {
        Growth { upper_bound: self.upper_bound, net: self.upper_bound }
    }

    /// Returns what the write adds. Looks at the row that it replaces.
    ///
    /// # Errors
    ///
    /// [`ApiError::NotFound`] if there is no such row. The write must not run then: a concurrent
    /// request may create the row, and nothing is reserved for its new texts.
    pub(super) async fn growth(&self, database: &Database, user: UserId) -> Result<Growth, ApiError> {
        let upper_bound = self.upper_bound;
        let Kind::Update { row, sets_title, sets_content } = &self.kind else {
            return Ok(self.upper_growth());
        };
        let (before, not_found) = match row {
            Row::Note(id) => (database.note_bytes(user, *id).await, NOTE_NOT_FOUND),
            Row::Task(id) => (database.task_bytes(user, *id).await, TASK_NOT_FOUND),
        };
        let before = before.map_err(ApiError::of_database)?;
        let TextBytes { title, content } = before.ok_or(ApiError::NotFound(not_found))?;
        let replaced = title * u64::from(*sets_title) + content * u64::from(*sets_content);
        Ok(Growth { upper_bound, net: upper_bound.saturating_sub(Storage { items: 0, bytes: replaced }) })
    }
}

fn bytes_of(text: &str) -> u64 {
    text.len() as u64
}
