//! Summaries of notes: a row for each that was begun, and in the note the id of the one that it shows.

use daybook_domain::{
    ContentHash, Cursor, Note, NoteId, Page, PageRequest, Summary, SummaryId, SummaryLength, SummaryOptions,
    SummaryStatus, Timestamp, UserId,
};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::schema::{notes, summaries, users};
use crate::time::At;
use crate::unit::{execute, read, transaction};
use crate::usage::{self, Reservation, Spent};
use crate::{Database, Error};

/// What a summary is asked for: two that agree in all of it can stand for each other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SummaryKey {
    /// What is summarised.
    pub content_hash: ContentHash,
    /// How.
    pub options: SummaryOptions,
    /// With which instructions.
    pub prompt_version: String,
    /// By which model, as it is asked for.
    pub asked_model: String,
}

/// A summary to be stored, whole or not.
#[derive(Debug, Clone)]
pub struct NewSummary {
    /// What was asked for.
    pub key: SummaryKey,
    /// Which version of the note it was.
    pub note_updated_at: Timestamp,
    /// How it ended.
    pub status: SummaryStatus,
    /// Plain text; empty unless it was completed.
    pub text: String,
    /// The model that wrote it.
    pub model: String,
    /// What it took.
    pub spent: Spent,
    /// From the first question to the end of the last answer, in milliseconds.
    pub latency_ms: i64,
    /// The provider's name for its last answer.
    pub response_id: Option<String>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = summaries, check_for_backend(Pg, Sqlite))]
pub(crate) struct Row {
    id: i64,
    text: String,
    model: String,
    input_tokens: i64,
    output_tokens: i64,
    content_hash: String,
    created_at: At,
    status: String,
    /// Empty for the language of the note.
    language: String,
    length: String,
    prompt_version: String,
    cost_micros: Option<i64>,
    calls: i64,
    latency_ms: Option<i64>,
    response_id: Option<String>,
    note_updated_at: Option<At>,
}

impl Row {
    /// The summary as its note, which may have changed since, shows it.
    pub(crate) fn of(self, note: &Note) -> Summary {
        self.against(&note.content_hash())
    }

    fn against(self, current: &ContentHash) -> Summary {
        let content_hash = ContentHash::from_stored(self.content_hash);
        Summary {
            id: SummaryId(self.id),
            // Another version of this service, which still runs, may have written what this one does not know.
            status: SummaryStatus::from_name(&self.status).unwrap_or(SummaryStatus::Failed),
            text: self.text,
            model: self.model,
            options: SummaryOptions {
                language: Some(self.language).filter(|tag| !tag.is_empty()),
                length: SummaryLength::from_name(&self.length).unwrap_or_default(),
            },
            prompt_version: self.prompt_version,
            input_tokens: self.input_tokens,
            output_tokens: self.output_tokens,
            cost_micros: self.cost_micros,
            calls: self.calls,
            latency_ms: self.latency_ms,
            response_id: self.response_id,
            note_updated_at: self.note_updated_at.map(|at| at.0),
            stale: content_hash != *current,
            content_hash,
            created_at: self.created_at.0,
        }
    }
}

impl Database {
    /// A completed summary of one of the owner's notes that was asked for in the same way, the newest if there are several.
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
            // A note has few of them: the index finds those, and the rest is looked at row by row.
            let query = summaries::table
                .filter(summaries::user_id.eq(owner.0))
                .filter(summaries::note_id.eq(note.0))
                .filter(summaries::content_hash.eq(hash.as_str().to_owned()))
                .filter(summaries::status.eq(SummaryStatus::Completed.name()))
                .filter(summaries::asked_model.eq(key.asked_model))
                .filter(summaries::prompt_version.eq(key.prompt_version))
                .filter(summaries::length.eq(key.options.length.name()))
                .filter(summaries::language.eq(key.options.language.unwrap_or_default()))
                .order(summaries::id.desc())
                .limit(1)
                .select(Row::as_select());
            let found: Option<Row> = c.optional(query).await?;
            Ok(found.map(|row| row.against(&hash)))
        })
    }

    /// A page of the summaries of one of the owner's notes, the newest first, with those that were not completed.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is no such note of this owner.
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
                .select(Row::as_select());
            let rows: Vec<Row> = c.all(query).await?;
            let found = rows.into_iter().map(|row| row.against(&current)).collect();
            Ok(Page::from_overfetch(found, page.limit, |summary: &Summary| summary.id.0))
        })
    }

    /// Makes one of a note's completed summaries the one that the note shows.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when the note is gone.
    pub async fn show_summary(&self, owner: UserId, note: NoteId, summary: SummaryId) -> Result<(), Error> {
        execute!(self, |c| {
            let target = notes::table.find(note.0).filter(notes::user_id.eq(owner.0));
            let change = diesel::update(target).set(notes::summary_id.eq(summary.0));
            Error::not_found_if_none(c.execute(change).await?)
        })
    }

    /// Stores a summary of one of the owner's notes, books what it took against what was set aside for it, and if it was completed makes it the
    /// one that the note shows, unless that one is of the content as it is now and this one is not.
    ///
    /// What it took is booked even when the note is gone.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when the note is gone.
    pub async fn store_summary(
        &self,
        owner: UserId,
        note: NoteId,
        new: NewSummary,
        reservation: Option<Reservation>,
        now: Timestamp,
    ) -> Result<Summary, Error> {
        let stored: Option<Summary> = transaction!(self, |c| {
            let is_complete = new.status == SummaryStatus::Completed;
            let spent = new.spent;
            // The user, the note, what is booked: in the order in which an account is deleted with all that it has, or each could wait for the other. The row
            // of all users, which everybody waits for, is locked last and for a moment.
            let lock =
                diesel::update(users::table.find(owner.0)).set(users::updated_at.eq(users::updated_at));
            c.execute(lock).await?;
            let target = notes::table.find(note.0).filter(notes::user_id.eq(owner.0));
            let lock = diesel::update(target).set(notes::summary_id.eq(notes::summary_id));
            let current: Option<(String, String, Option<i64>)> =
                c.optional(lock.returning((notes::title, notes::content, notes::summary_id))).await?;
            let Some((title, content, shown)) = current else {
                if let Some(reservation) = reservation {
                    usage::settle!(c, reservation, spent, is_complete);
                }
                return Ok(None);
            };
            let current = ContentHash::of(&title, &content);
            let shown = summaries::table
                .filter(summaries::user_id.eq(owner.0))
                .filter(summaries::id.eq(shown.unwrap_or(0)))
                .select(summaries::content_hash);
            let shown: Option<String> = c.optional(shown).await?;
            let is_late =
                new.key.content_hash != current && shown.is_some_and(|hash| hash == current.as_str());
            let row = (
                (
                    summaries::user_id.eq(owner.0),
                    summaries::note_id.eq(note.0),
                    summaries::text.eq(new.text),
                    summaries::model.eq(new.model),
                    summaries::input_tokens.eq(new.spent.input_tokens),
                    summaries::output_tokens.eq(new.spent.output_tokens),
                    summaries::content_hash.eq(new.key.content_hash.as_str().to_owned()),
                    summaries::created_at.eq(At(now)),
                ),
                summaries::status.eq(new.status.name()),
                summaries::asked_model.eq(new.key.asked_model),
                summaries::language.eq(new.key.options.language.unwrap_or_default()),
                summaries::length.eq(new.key.options.length.name()),
                summaries::prompt_version.eq(new.key.prompt_version),
                summaries::cost_micros.eq(new.spent.cost_micros),
                summaries::calls.eq(new.spent.calls),
                summaries::latency_ms.eq(new.latency_ms),
                summaries::response_id.eq(new.response_id),
                summaries::note_updated_at.eq(At(new.note_updated_at)),
            );
            let insert = diesel::insert_into(summaries::table).values(row).returning(Row::as_returning());
            let row: Row = c.one(insert).await?;
            if is_complete && !is_late {
                let target = notes::table.find(note.0).filter(notes::user_id.eq(owner.0));
                c.execute(diesel::update(target).set(notes::summary_id.eq(row.id))).await?;
            }
            if let Some(reservation) = reservation {
                usage::settle!(c, reservation, spent, is_complete);
            }
            Ok(Some(row.against(&current)))
        })?;
        stored.ok_or(Error::NotFound)
    }
}
