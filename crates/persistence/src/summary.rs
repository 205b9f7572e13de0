//! Summaries of notes: a row for each that was made, and in the note the id of the newest.

use daybook_domain::{ContentHash, Note, NoteId, Summary, Timestamp, UserId};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::schema::{notes, summaries};
use crate::time::At;
use crate::unit::transaction;
use crate::{Database, Error};

/// A summary to be stored.
#[derive(Debug, Clone)]
pub struct NewSummary {
    /// Plain text.
    pub text: String,
    /// The model that wrote it.
    pub model: String,
    /// Tokens that the provider read.
    pub input_tokens: i64,
    /// Tokens that the provider wrote.
    pub output_tokens: i64,
    /// What was summarised: the note as it was then.
    pub content_hash: ContentHash,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = summaries, check_for_backend(Pg, Sqlite))]
pub(crate) struct Row {
    text: String,
    model: String,
    input_tokens: i64,
    output_tokens: i64,
    content_hash: String,
    created_at: At,
}

impl Row {
    /// The summary as its note, which may have changed since, shows it.
    pub(crate) fn of(self, note: &Note) -> Summary {
        let content_hash = ContentHash::from_stored(self.content_hash);
        Summary {
            stale: content_hash != note.content_hash(),
            text: self.text,
            model: self.model,
            input_tokens: self.input_tokens,
            output_tokens: self.output_tokens,
            content_hash,
            created_at: self.created_at.0,
        }
    }
}

impl Database {
    /// Stores a summary of one of the owner's notes and makes it the one that the note shows.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when the note is gone.
    pub async fn store_summary(
        &self,
        owner: UserId,
        note: NoteId,
        new: NewSummary,
        now: Timestamp,
    ) -> Result<(), Error> {
        transaction!(self, |c| {
            let row = (
                summaries::user_id.eq(owner.0),
                summaries::note_id.eq(note.0),
                summaries::text.eq(new.text),
                summaries::model.eq(new.model),
                summaries::input_tokens.eq(new.input_tokens),
                summaries::output_tokens.eq(new.output_tokens),
                summaries::content_hash.eq(new.content_hash.as_str().to_owned()),
                summaries::created_at.eq(At(now)),
            );
            let insert = diesel::insert_into(summaries::table).values(row).returning(summaries::id);
            let id: i64 = c.one(insert).await?;
            let target = notes::table.find(note.0).filter(notes::user_id.eq(owner.0));
            let change = diesel::update(target).set(notes::summary_id.eq(id));
            Error::not_found_if_none(c.execute(change).await?)
        })
    }
}
