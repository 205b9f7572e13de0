//! How much a user stores: the number of notes and tasks, and the bytes of their texts.

use daybook_domain::{NoteId, TaskId, UserId};
use diesel::dsl::{count_star, sum};
use diesel::prelude::*;

use crate::database::Database;
use crate::error::Error;
use crate::handle::ReadHandle;
use crate::large::octet_length;
use crate::schema::{notes, summaries, tasks};
use crate::unit::{read, read_large};

/// The notes or tasks that one unit of a count reads. A unit takes milliseconds, so it ends long
/// before the timeout of a statement, and lets other large reads run between two units.
const CHUNK: i64 = 5_000;

/// An amount of storage: what a user stores, or what a write adds. A summary counts as
/// [`Storage::SUMMARY`] beside its text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Storage {
    /// Notes and tasks.
    pub items: u64,
    /// Bytes in UTF-8: the titles and contents of notes and tasks, and the texts of summaries.
    pub bytes: u64,
}

impl Storage {
    /// The bytes of a summary beside its text: its row has the model, the id of the response and
    /// the hash of the note. Summaries are no items, and could otherwise fill the disk.
    pub const SUMMARY: u64 = 512;

    /// Returns the sum. Neither of its parts overflows.
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        Self { items: self.items.saturating_add(other.items), bytes: self.bytes.saturating_add(other.bytes) }
    }

    /// Returns the difference. Neither of its parts is less than 0.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self { items: self.items.saturating_sub(other.items), bytes: self.bytes.saturating_sub(other.bytes) }
    }
}

/// The bytes of the texts of a note or a task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TextBytes {
    /// Bytes of the title.
    pub title: u64,
    /// Bytes of the content.
    pub content: u64,
}

/// Counts the first [`CHUNK`] rows of `notes` or `tasks` with larger ids than `$above`. Returns the
/// id of the last of them, or `None` if there are no more rows.
macro_rules! count_chunk {
    ($c:ident, $table:ident, $user:ident, $above:ident) => {{
        let rows = || $table::table.filter($table::user_id.eq($user)).filter($table::id.gt($above));
        let last = rows().order($table::id).offset(CHUNK - 1).limit(1).select($table::id);
        let last: Option<i64> = $c.optional(last).await?;
        let counted = rows().filter($table::id.le(last.unwrap_or(i64::MAX))).select((
            count_star(),
            sum(octet_length($table::title.nullable())),
            sum(octet_length($table::content.nullable())),
        ));
        let (items, titles, contents): (i64, Option<i64>, Option<i64>) = $c.one(counted).await?;
        (Storage { items: amount(Some(items)), bytes: amount(titles) + amount(contents) }, last)
    }};
}

/// Returns the bytes of the texts of a row of `notes` or `tasks`, or `None` if the user has no such
/// row.
macro_rules! text_bytes {
    ($c:ident, $table:ident, $user:ident, $id:ident) => {{
        let row = $table::table.filter($table::id.eq($id.0)).filter($table::user_id.eq($user.0));
        let bytes =
            row.select((octet_length($table::title.nullable()), octet_length($table::content.nullable())));
        let bytes: Option<(Option<i32>, Option<i32>)> = $c.optional(bytes).await?;
        let bytes = bytes.map(|(title, content)| (title.map(i64::from), content.map(i64::from)));
        Ok(bytes.map(|(title, content)| TextBytes { title: amount(title), content: amount(content) }))
    }};
}

impl Database {
    /// Counts what a user stores. Reads no text, because both databases know the length of a stored
    /// text. Runs in units of 5,000 notes or tasks, as large reads do.
    ///
    /// The units have no common snapshot. Rows that are written during the count may be missing.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn count_storage(&self, user: UserId) -> Result<Storage, Error> {
        let owner = user.0;
        let mut stored = Storage::default();
        // Ids start at 1.
        let mut next = Some(0);
        while let Some(above) = next {
            let (chunk, last) = read_large!(self, user, |c| {
                let (chunk, last) = count_chunk!(c, notes, owner, above);
                // The summaries of these notes. Each note has few of them.
                let texts = summaries::table
                    .filter(summaries::user_id.eq(owner))
                    .filter(summaries::note_id.gt(above))
                    .filter(summaries::note_id.le(last.unwrap_or(i64::MAX)))
                    .select((count_star(), sum(octet_length(summaries::text.nullable()))));
                let (rows, texts): (i64, Option<i64>) = c.one(texts).await?;
                let bytes = amount(Some(rows)) * Storage::SUMMARY + amount(texts);
                Ok((chunk.saturating_add(Storage { items: 0, bytes }), last))
            })?;
            (stored, next) = (stored.saturating_add(chunk), last);
        }
        next = Some(0);
        while let Some(above) = next {
            let (chunk, last) = read_large!(self, user, |c| Ok(count_chunk!(c, tasks, owner, above)))?;
            (stored, next) = (stored.saturating_add(chunk), last);
        }
        Ok(stored)
    }

    /// Returns the bytes of the texts of one of the user's notes, or `None` if the user has no note
    /// with this id.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn note_bytes(&self, user: UserId, note: NoteId) -> Result<Option<TextBytes>, Error> {
        read!(self, |c| text_bytes!(c, notes, user, note))
    }

    /// Returns the bytes of the texts of one of the user's tasks, or `None` if the user has no task
    /// with this id.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn task_bytes(&self, user: UserId, task: TaskId) -> Result<Option<TextBytes>, Error> {
        read!(self, |c| text_bytes!(c, tasks, user, task))
    }
}

/// A count or a sum as an amount. The sum of no rows is null.
fn amount(number: Option<i64>) -> u64 {
    number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0)
}
