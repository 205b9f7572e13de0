//! Notes. Every query takes the owner first.

use daybook_domain::{
    Content, Cursor, Note, NoteDraft, NoteId, NotePatch, Page, PageRequest, Timestamp, Title, UserId,
};
use diesel::dsl::auto_type;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::access::{Access, is_live};
use crate::database::Database;
use crate::error::Error;
use crate::handle::{ReadHandle, WriteHandle, columns};
use crate::schema::{notes, summaries};
use crate::summary;
use crate::time::At;
use crate::unit::{execute, read};

#[derive(Queryable, Selectable)]
#[diesel(table_name = notes, check_for_backend(Pg, Sqlite))]
struct Row {
    id: i64,
    title: String,
    content: String,
    created_at: At,
    updated_at: At,
}

impl Row {
    fn with_summary(self, summary: Option<summary::Row>) -> Note {
        let mut note = Note {
            id: NoteId(self.id),
            title: Title::from_stored(self.title),
            content: Content::from_stored(self.content),
            created_at: self.created_at.0,
            updated_at: self.updated_at.0,
            summary: None,
        };
        note.summary = summary.map(|row| row.of(&note));
        note
    }
}

/// Notes with the summaries that they show.
#[auto_type(no_type_alias)]
fn summarized() -> _ {
    notes::table.left_join(summaries::table.on(notes::summary_id.eq(summaries::id.nullable())))
}

impl Database {
    /// Stores a new note.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the owner's account does not exist.
    pub async fn create_note(&self, owner: UserId, draft: NoteDraft, now: Timestamp) -> Result<Note, Error> {
        execute!(self, |c| {
            let row = (
                notes::user_id.eq(owner.0),
                notes::title.eq(String::from(draft.title)),
                notes::content.eq(String::from(draft.content)),
                notes::created_at.eq(At(now)),
                notes::updated_at.eq(At(now)),
            );
            let insert = diesel::insert_into(notes::table).values(row).returning(columns::<Row>());
            let row: Row = c.one(insert).await?;
            Ok(row.with_summary(None))
        })
    }

    /// Returns a page of the user's notes, newest first.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the session of the access has ended or expired.
    pub async fn notes(&self, access: impl Into<Access>, page: PageRequest) -> Result<Page<Note>, Error> {
        let access = access.into();
        read!(self, |c| {
            let below = page.cursor.map_or(i64::MAX, Cursor::id);
            let query = summarized()
                .filter(notes::user_id.eq(access.user.0))
                .filter(notes::id.lt(below))
                .filter(is_live(access))
                .order(notes::id.desc())
                .limit(page.limit.items() as i64 + 1)
                .select((columns::<Row>(), columns::<Option<summary::Row>>()));
            let rows: Vec<(Row, Option<summary::Row>)> = c.all(query).await?;
            if rows.is_empty() {
                access.require_live(c).await?;
            }
            let found = rows.into_iter().map(|(row, summary)| row.with_summary(summary)).collect();
            Ok(Page::from_overfetch(found, page.limit))
        })
    }

    /// Returns one of the user's notes.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the user has no note with this id, or the session of the access has
    /// ended or expired.
    pub async fn note(&self, access: impl Into<Access>, note: NoteId) -> Result<Note, Error> {
        let access = access.into();
        read!(self, |c| {
            let query = summarized()
                .filter(notes::id.eq(note.0))
                .filter(notes::user_id.eq(access.user.0))
                .filter(is_live(access))
                .select((columns::<Row>(), columns::<Option<summary::Row>>()));
            let (row, summary): (Row, Option<summary::Row>) = c.one(query).await?;
            Ok(row.with_summary(summary))
        })
    }

    /// Changes one of the owner's notes. A patch without fields changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the owner has no note with this id.
    pub async fn update_note(
        &self,
        owner: UserId,
        note: NoteId,
        patch: NotePatch,
        now: Timestamp,
    ) -> Result<Note, Error> {
        if patch == NotePatch::default() {
            return self.note(owner, note).await;
        }
        execute!(self, |c| {
            let target = notes::table.find(note.0).filter(notes::user_id.eq(owner.0));
            let changes = (
                patch.title.map(|title| notes::title.eq(String::from(title))),
                patch.content.map(|content| notes::content.eq(String::from(content))),
                notes::updated_at.eq(At(now)),
            );
            let update = diesel::update(target).set(changes).returning((columns::<Row>(), notes::summary_id));
            let (row, summary_id): (Row, Option<i64>) = c.one(update).await?;
            let summary: Option<summary::Row> = match summary_id {
                // Stored summaries never change, so the note still shows the same one.
                Some(id) => c.optional(summaries::table.find(id).select(columns::<summary::Row>())).await?,
                None => None,
            };
            Ok(row.with_summary(summary))
        })
    }

    /// Deletes one of the owner's notes with its summaries.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the owner has no note with this id.
    pub async fn delete_note(&self, owner: UserId, note: NoteId) -> Result<(), Error> {
        execute!(self, |c| {
            let target = notes::table.find(note.0).filter(notes::user_id.eq(owner.0));
            Error::not_found_if_none(c.execute(diesel::delete(target)).await?)
        })
    }
}
