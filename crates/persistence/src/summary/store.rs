//! Stores summaries, and charges the tokens that they used.

use daybook_domain::{ContentHash, NoteId, Summary, SummaryId, Timestamp, UserId};
use diesel::prelude::*;

use super::new::NewSummary;
use super::row::Row;
use crate::account::lock_account_if_open;
use crate::database::Database;
use crate::error::Error;
use crate::handle::{WriteHandle, columns};
use crate::prepared::Prepared;
use crate::schema::{notes, summaries};
use crate::unit::transaction;
use crate::usage::{self, Reservation};

/// The summaries that a note keeps: as many as the longest page of their list shows. Each is a text
/// of up to 32 kB, and a request for an equal summary may read all of them.
const KEPT: i64 = 100;

/// The older summaries that are deleted at once. One suffices unless an earlier version of the
/// service has left more, and then the statement must stay short.
const DELETED_AT_ONCE: i64 = 1_000;

impl Database {
    /// Stores a summary of one of the owner's notes, charges its tokens, and releases the
    /// reservation. The note shows a completed summary, unless this summary is of an older content
    /// and the shown one is of the current content.
    ///
    /// The note keeps its newest 100 summaries and the one that it shows. Older ones are deleted.
    ///
    /// If the note does not exist or the account is closed, the tokens are charged anyway. A
    /// reservation that is settled is not charged again, but the summary is stored. No session is
    /// checked, because the summary belongs to all requests that wait for it.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the owner has no note with this id, or the account is closed.
    pub async fn store_summary(
        &self,
        owner: UserId,
        note: NoteId,
        new: NewSummary,
        reservation: Option<Reservation>,
        now: Timestamp,
    ) -> Result<Summary, Error> {
        // The transaction returns `None` and not an error, because an error would roll back the
        // charge.
        let stored: Option<Summary> = transaction!(self, |c| {
            let (spent, is_complete) = (new.spent, new.is_complete());
            // Lock order: user, note, reservation, usage. `delete_user` locks the user first, too,
            // so the two cannot deadlock. The usage row of all users comes last, because all users
            // contend for it.
            let locked = match lock_account_if_open(c, owner).await? {
                true => lock_note(c, owner, note).await?,
                false => None,
            };
            let stored = match locked {
                Some(locked) => Some(insert(c, owner, note, new, locked, now).await?),
                None => None,
            };
            if let Some(reservation) = reservation {
                usage::settle(c, reservation, spent, is_complete).await?;
            }
            Ok(stored)
        })?;
        stored.ok_or(Error::NotFound)
    }
}

/// A note that no other unit can change until the transaction ends.
struct LockedNote {
    current: ContentHash,
    shown: Option<SummaryId>,
}

/// Locks the note by an update that changes nothing, and returns its texts from the locked version.
/// Returns `None` if it does not exist.
async fn lock_note(
    c: &mut impl WriteHandle,
    owner: UserId,
    note: NoteId,
) -> Result<Option<LockedNote>, Error> {
    let target = notes::table.find(note.0).filter(notes::user_id.eq(owner.0));
    let lock = diesel::update(target).set(notes::summary_id.eq(notes::summary_id)).returning((
        notes::title,
        notes::content,
        notes::summary_id,
    ));
    let locked: Option<(String, String, Option<i64>)> = c.optional(Prepared(lock)).await?;
    Ok(locked.map(|(title, content, shown)| LockedNote {
        current: ContentHash::of(&title, &content),
        shown: shown.map(SummaryId),
    }))
}

/// Inserts the summary. Makes the note show it if it replaces the shown one.
async fn insert(
    c: &mut impl WriteHandle,
    owner: UserId,
    note: NoteId,
    new: NewSummary,
    locked: LockedNote,
    now: Timestamp,
) -> Result<Summary, Error> {
    let LockedNote { current, shown } = locked;
    // Ids start at 1, so 0 finds no summary.
    let shown = shown.map_or(0, |summary| summary.0);
    let hash = summaries::table
        .filter(summaries::user_id.eq(owner.0))
        .filter(summaries::id.eq(shown))
        .select(summaries::content_hash);
    let hash: Option<String> = c.optional(hash).await?;
    let replaces = new.replaces(&current, hash.map(ContentHash::from_stored).as_ref());
    let row = new.into_row(owner, note, now);
    let insert = diesel::insert_into(summaries::table).values(row).returning(columns::<Row>());
    let row: Row = c.one(insert).await?;
    if replaces {
        let target = notes::table.find(note.0).filter(notes::user_id.eq(owner.0));
        c.execute(Prepared(diesel::update(target).set(notes::summary_id.eq(row.id)))).await?;
    }
    delete_outdated(c, owner, note, if replaces { row.id } else { shown }).await?;
    Ok(row.against(&current))
}

/// Deletes the oldest summaries of a note beyond [`KEPT`], except the one that the note shows.
async fn delete_outdated(
    c: &mut impl WriteHandle,
    owner: UserId,
    note: NoteId,
    shown: i64,
) -> Result<(), Error> {
    let of_note =
        || summaries::table.filter(summaries::user_id.eq(owner.0)).filter(summaries::note_id.eq(note.0));
    let newest = of_note().order(summaries::id.desc()).offset(KEPT).limit(1).select(summaries::id);
    let Some(newest): Option<i64> = c.optional(newest).await? else { return Ok(()) };
    let oldest = of_note().filter(summaries::id.le(newest)).order(summaries::id);
    let last = oldest.offset(DELETED_AT_ONCE - 1).limit(1).select(summaries::id);
    let last: Option<i64> = c.optional(last).await?;
    let outdated = of_note().filter(summaries::id.le(last.unwrap_or(newest))).filter(summaries::id.ne(shown));
    c.execute(diesel::delete(outdated)).await?;
    Ok(())
}
