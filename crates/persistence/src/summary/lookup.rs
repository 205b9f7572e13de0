//! Reads stored summaries, and sets the one that a note shows.

use daybook_domain::{
    ContentHash, Cursor, NoteId, Page, PageRequest, Summary, SummaryId, SummaryKey, SummaryStatus, UserId,
};
use diesel::prelude::*;

use super::row::Row;
use crate::access::{Access, may};
use crate::database::Database;
use crate::error::Error;
use crate::handle::{ReadHandle, WriteHandle, columns};
use crate::prepared::Prepared;
use crate::schema::{notes, summaries};
use crate::unit::{execute, read};

impl Database {
    /// Returns the newest completed summary with this key of one of the owner's notes, if there is
    /// one.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn summary_like(
        &self,
        owner: UserId,
        note: NoteId,
        key: SummaryKey,
    ) -> Result<Option<Summary>, Error> {
        read!(self, |c| {
            let hash = key.content_hash;
            let language = key.options.language.map_or_else(String::new, String::from);
            // The index finds the summaries of the note. There are 101 of them, once older ones are
            // deleted, so the rest of the condition is checked row by row.
            let query = summaries::table
                .filter(summaries::user_id.eq(owner.0))
                .filter(summaries::note_id.eq(note.0))
                .filter(summaries::content_hash.eq(hash.as_str().to_owned()))
                .filter(summaries::status.eq(SummaryStatus::Completed.name()))
                .filter(summaries::asked_model.eq(key.asked_model))
                .filter(summaries::prompt_version.eq(key.prompt_version))
                .filter(summaries::length.eq(key.options.length.name()))
                .filter(summaries::language.eq(language))
                .order(summaries::id.desc())
                .limit(1)
                .select(columns::<Row>());
            let found: Option<Row> = c.optional(query).await?;
            Ok(found.map(|row| row.against(&hash)))
        })
    }

    /// Returns a page of the summaries of one of the owner's notes, newest first, including those
    /// that were not completed.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the owner has no note with this id.
    pub async fn summaries(
        &self,
        owner: UserId,
        note: NoteId,
        page: PageRequest,
    ) -> Result<Page<Summary>, Error> {
        read!(self, |c| {
            let content = notes::table
                .filter(notes::id.eq(note.0))
                .filter(notes::user_id.eq(owner.0))
                .select((notes::title, notes::content));
            let (title, content): (String, String) = c.one(content).await?;
            let current = ContentHash::of(&title, &content);
            let query = summaries::table
                .filter(summaries::user_id.eq(owner.0))
                .filter(summaries::note_id.eq(note.0))
                .filter(summaries::id.lt(page.cursor.map_or(i64::MAX, Cursor::id)))
                .order(summaries::id.desc())
                .limit(page.limit.items() as i64 + 1)
                .select(columns::<Row>());
            let rows: Vec<Row> = c.all(query).await?;
            let found = rows.into_iter().map(|row| row.against(&current)).collect();
            Ok(Page::from_overfetch(found, page.limit))
        })
    }

    /// Selects one of a note's completed summaries as the one that the note shows.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the owner has no note with this id, or the access is no longer valid.
    pub async fn show_summary(
        &self,
        access: impl Into<Access>,
        note: NoteId,
        summary: SummaryId,
    ) -> Result<(), Error> {
        let access = access.into();
        execute!(self, |c| {
            let target =
                notes::table.find(note.0).filter(notes::user_id.eq(access.user.0)).filter(may(access));
            let change = diesel::update(target).set(notes::summary_id.eq(summary.0));
            Error::not_found_if_none(c.execute(Prepared(change)).await?)
        })
    }
}
