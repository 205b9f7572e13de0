//! Notes. Every query takes the access first.

use daybook_domain::{
    Content, ContentHash, Cursor, Note, NoteDraft, NoteId, NotePatch, Page, PageRequest, Timestamp, Title,
    UserId,
};
use diesel::dsl::auto_type;
use diesel::prelude::*;

use crate::access::{Access, may};
use crate::database::Database;
use crate::error::Error;
use crate::handle::{ReadHandle, WriteHandle, columns};
use crate::insert_if::insert_if;
use crate::large::{Fitting, bytes, octet_length};
use crate::prepared::Prepared;
use crate::schema::{notes, summaries};
use crate::short::{Short, ShortText, if_short};
use crate::summary;
use crate::time::At;
use crate::unit::{execute, read, read_large};

/// A note. `C` is the type of its content.
#[derive(Queryable)]
struct Row<C = String> {
    id: i64,
    title: String,
    content: C,
    created_at: At,
    updated_at: At,
}

impl<C: Into<String>> Row<C> {
    fn with_summary(self, summary: Option<summary::Row>) -> Note {
        let (title, content): (String, String) = (self.title, self.content.into());
        let summary = summary.map(|row| row.against(&ContentHash::of(&title, &content)));
        Note {
            id: NoteId(self.id),
            title: Title::from_stored(title),
            content: Content::from_stored(content),
            created_at: self.created_at.0,
            updated_at: self.updated_at.0,
            summary,
        }
    }
}

/// The columns of a [`Row`] with this content.
type Columns<C> = (notes::id, notes::title, C, notes::created_at, notes::updated_at);

fn with_content<C>(content: C) -> Columns<C> {
    (notes::id, notes::title, content, notes::created_at, notes::updated_at)
}

/// Notes with the summaries that they show.
#[auto_type]
fn summarized() -> _ {
    notes::table.left_join(summaries::table.on(notes::summary_id.eq(summaries::id.nullable())))
}

/// The notes of a page, and one more.
#[auto_type(no_type_alias)]
fn listed(user: UserId, page: PageRequest) -> _ {
    let user_id: i64 = user.0;
    let below: i64 = page.cursor.map_or(i64::MAX, Cursor::id);
    let rows: i64 = page.limit.items() as i64 + 1;
    let summarized: summarized = summarized();
    summarized
        .filter(notes::user_id.eq(user_id))
        .filter(notes::id.lt(below))
        .order(notes::id.desc())
        .limit(rows)
}

impl Database {
    /// Stores a new note.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the owner's account does not exist, or the access is no longer valid.
    pub async fn create_note(
        &self,
        access: impl Into<Access>,
        draft: NoteDraft,
        now: Timestamp,
    ) -> Result<Note, Error> {
        let access = access.into();
        execute!(self, |c| {
            let insert = insert_if!(may(access), notes {
                user_id => access.user.0,
                title => String::from(draft.title),
                content => String::from(draft.content),
                created_at => At(now),
                updated_at => At(now),
            });
            let row: Row = c.one(insert.returning(with_content(notes::content))).await?;
            Ok(row.with_summary(None))
        })
    }

    /// Returns a page of the user's notes, newest first. A page of long texts ends early: its texts
    /// have at most [`PAGE_BYTES`](daybook_domain::PAGE_BYTES), or it has only one note.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the access is no longer valid.
    pub async fn notes(&self, access: impl Into<Access>, page: PageRequest) -> Result<Page<Note>, Error> {
        let access = access.into();
        let found: Option<Vec<Note>> = read!(self, |c| {
            let query = listed(access.user, page)
                .filter(access.may_read(c).await?)
                .select((with_content(Short(notes::content)), columns::<Option<summary::Row>>()));
            let rows: QueryResult<Vec<(Row<ShortText>, Option<summary::Row>)>> = c.all(query).await;
            let Some(rows) = if_short(rows)? else { return Ok(None) };
            if rows.is_empty() {
                access.require(c).await?;
            }
            Ok(Some(rows.into_iter().map(|(row, summary)| row.with_summary(summary)).collect()))
        })?;
        match found {
            Some(found) => Ok(Page::from_overfetch(found, page.limit)),
            None => self.long_notes(access, page).await,
        }
    }

    /// Returns the same page as [`Database::notes`] if one of its texts is not short.
    async fn long_notes(&self, access: Access, page: PageRequest) -> Result<Page<Note>, Error> {
        read_large!(self, access.user, |c| {
            let query = listed(access.user, page).filter(access.may_read(c).await?).select((
                notes::id,
                octet_length(notes::content.nullable()),
                octet_length(summaries::text.nullable()),
            ));
            let sizes: Vec<(i64, Option<i32>, Option<i32>)> = c.all(query).await?;
            let sizes = sizes.into_iter().map(|(id, content, text)| (id, bytes(content) + bytes(text)));
            let fitting = Fitting::of(sizes, page.limit);
            let query = listed(access.user, page)
                .filter(notes::id.between(fitting.oldest, fitting.newest))
                .filter(access.may_read(c).await?)
                .select((with_content(notes::content), columns::<Option<summary::Row>>()));
            let rows: Vec<(Row, Option<summary::Row>)> = c.all(query).await?;
            if rows.is_empty() {
                access.require(c).await?;
            }
            let items = rows.into_iter().map(|(row, summary)| row.with_summary(summary)).collect();
            Ok(Page { items, next: fitting.next })
        })
    }

    /// Returns one of the user's notes.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the user has no note with this id, or the access is no longer valid.
    pub async fn note(&self, access: impl Into<Access>, note: NoteId) -> Result<Note, Error> {
        let access = access.into();
        read!(self, |c| {
            let query = summarized()
                .filter(notes::id.eq(note.0))
                .filter(notes::user_id.eq(access.user.0))
                .filter(access.may_read(c).await?)
                .select((with_content(notes::content), columns::<Option<summary::Row>>()));
            let (row, summary): (Row, Option<summary::Row>) = c.one(query).await?;
            Ok(row.with_summary(summary))
        })
    }

    /// Changes one of the owner's notes. A patch without fields changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the owner has no note with this id, or the access is no longer valid.
    pub async fn update_note(
        &self,
        access: impl Into<Access>,
        note: NoteId,
        patch: NotePatch,
        now: Timestamp,
    ) -> Result<Note, Error> {
        let access = access.into();
        if patch == NotePatch::default() {
            return self.note(access, note).await;
        }
        execute!(self, |c| {
            let target =
                notes::table.find(note.0).filter(notes::user_id.eq(access.user.0)).filter(may(access));
            let changes = (
                patch.title.map(|title| notes::title.eq(String::from(title))),
                patch.content.map(|content| notes::content.eq(String::from(content))),
                notes::updated_at.eq(At(now)),
            );
            let update = diesel::update(target)
                .set(changes)
                .returning((with_content(notes::content), notes::summary_id));
            let (row, summary_id): (Row, Option<i64>) = c.one(Prepared(update)).await?;
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
    /// [`Error::NotFound`] if the owner has no note with this id, or the access is no longer valid.
    pub async fn delete_note(&self, access: impl Into<Access>, note: NoteId) -> Result<(), Error> {
        let access = access.into();
        execute!(self, |c| {
            let target =
                notes::table.find(note.0).filter(notes::user_id.eq(access.user.0)).filter(may(access));
            Error::not_found_if_none(c.execute(diesel::delete(target)).await?)
        })
    }
}

#[cfg(test)]
mod tests {
    use daybook_domain::SessionId;

    use super::*;
    use crate::both_databases::on_both_databases;

    /// A session can end between the short read and the large one.
    #[tokio::test]
    async fn long_notes_needs_a_live_session() {
        on_both_databases(async |database, ada| {
            let (draft, now) = (NoteDraft::parse("t", "c").unwrap(), Timestamp::now());
            database.create_note(ada, draft, now).await.unwrap();
            let page = PageRequest::default();
            assert_eq!(database.long_notes(ada.into(), page).await.unwrap().items.len(), 1);
            let dead = Access::in_session(ada, SessionId(999), now);
            assert!(matches!(database.long_notes(dead, page).await, Err(Error::NotFound)));
        })
        .await;
    }
}
