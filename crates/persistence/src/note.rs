//! Notes: every query takes the owner first.

use daybook_domain::{Cursor, Note, NoteDraft, NoteId, NotePatch, Page, PageRequest, Timestamp, UserId};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::reader::{self, may};
use crate::schema::{notes, summaries};
use crate::summary;
use crate::time::At;
use crate::unit::{execute, read};
use crate::{Database, Error, Reader};

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
            title: self.title,
            content: self.content,
            created_at: self.created_at.0,
            updated_at: self.updated_at.0,
            summary: None,
        };
        note.summary = summary.map(|row| row.of(&note));
        note
    }
}

#[derive(AsChangeset)]
#[diesel(table_name = notes)]
struct Changes {
    title: Option<String>,
    content: Option<String>,
    updated_at: At,
}

/// Notes with the summaries that they show.
#[diesel::dsl::auto_type(no_type_alias)]
fn summarised() -> _ {
    notes::table.left_join(summaries::table.on(notes::summary_id.eq(summaries::id.nullable())))
}

impl Database {
    /// Stores a new note.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when the owner is gone.
    pub async fn create_note(&self, owner: UserId, draft: NoteDraft, now: Timestamp) -> Result<Note, Error> {
        execute!(self, |c| {
            let row = (
                notes::user_id.eq(owner.0),
                notes::title.eq(draft.title),
                notes::content.eq(draft.content),
                notes::created_at.eq(At(now)),
                notes::updated_at.eq(At(now)),
            );
            let insert = diesel::insert_into(notes::table).values(row).returning(Row::as_returning());
            Ok(c.one(insert).await?.with_summary(None))
        })
    }

    /// A page of the reader's notes, newest first.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when the reader's session has ended.
    pub async fn notes(&self, reader: impl Into<Reader>, page: PageRequest) -> Result<Page<Note>, Error> {
        let reader = reader.into();
        read!(self, |c| {
            let below = page.cursor.map_or(i64::MAX, Cursor::id);
            let query = summarised()
                .filter(notes::user_id.eq(reader.user.0))
                .filter(notes::id.lt(below))
                .filter(may(reader))
                .order(notes::id.desc())
                .limit(page.limit.items() as i64 + 1)
                .select((Row::as_select(), Option::<summary::Row>::as_select()));
            let rows: Vec<(Row, Option<summary::Row>)> = c.all(query).await?;
            reader::tell_none_from_ended!(c, reader, rows);
            let found = rows.into_iter().map(|(row, summary)| row.with_summary(summary)).collect();
            Ok(Page::from_overfetch(found, page.limit, |note: &Note| note.id.0))
        })
    }

    /// One of the reader's notes.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is none with this id, or it is somebody else's, or the reader's session has ended.
    pub async fn note(&self, reader: impl Into<Reader>, note: NoteId) -> Result<Note, Error> {
        let reader = reader.into();
        read!(self, |c| {
            let query = summarised()
                .filter(notes::id.eq(note.0))
                .filter(notes::user_id.eq(reader.user.0))
                .filter(may(reader))
                .select((Row::as_select(), Option::<summary::Row>::as_select()));
            let (row, summary): (Row, Option<summary::Row>) = c.one(query).await?;
            Ok(row.with_summary(summary))
        })
    }

    /// Changes one of the owner's notes; a patch that names nothing changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is none with this id, or it is somebody else's.
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
            let changes = Changes { title: patch.title, content: patch.content, updated_at: At(now) };
            let update =
                diesel::update(target).set(changes).returning((Row::as_returning(), notes::summary_id));
            let (row, summary_id): (Row, Option<i64>) = c.one(update).await?;
            let summary = match summary_id {
                // Summaries never change, so this one is still what the row points to.
                Some(id) => c.optional(summaries::table.find(id).select(summary::Row::as_select())).await?,
                None => None,
            };
            Ok(row.with_summary(summary))
        })
    }

    /// Deletes one of the owner's notes with its summaries.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is none with this id, or it is somebody else's.
    pub async fn delete_note(&self, owner: UserId, note: NoteId) -> Result<(), Error> {
        execute!(self, |c| {
            let target = notes::table.find(note.0).filter(notes::user_id.eq(owner.0));
            Error::not_found_if_none(c.execute(diesel::delete(target)).await?)
        })
    }
}
