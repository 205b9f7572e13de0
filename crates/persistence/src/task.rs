//! Tasks. Every query takes the access first.

use daybook_domain::{
    City, Content, Cursor, DueDate, Page, PageRequest, Place, Task, TaskDraft, TaskId, TaskPatch, Timestamp,
    Title, UserId,
};
use diesel::dsl::auto_type;
use diesel::pg::Pg;
use diesel::prelude::*;

use crate::access::{Access, may};
use crate::database::Database;
use crate::error::Error;
use crate::handle::{ReadHandle, WriteHandle, columns};
use crate::insert_if::insert_if;
use crate::large::{Fitting, bytes, octet_length};
use crate::place::PlaceColumns;
use crate::prepared::Prepared;
use crate::schema::tasks;
use crate::short::{Short, ShortText, if_short};
use crate::time::At;
use crate::unit::{execute, read, read_large};

/// A task. `C` is the type of its content.
#[derive(Queryable)]
struct Row<C = String> {
    id: i64,
    user_id: i64,
    title: String,
    content: C,
    city: String,
    created_at: At,
    updated_at: At,
    place: PlaceColumns,
    due_date: Option<String>,
}

impl<C: Into<String>> From<Row<C>> for Task {
    fn from(row: Row<C>) -> Self {
        Self {
            id: TaskId(row.id),
            title: Title::from_stored(row.title),
            content: Content::from_stored(row.content.into()),
            city: City::from_stored(row.city),
            place: row.place.into(),
            // Only a manual edit can store an unreadable date, which must not hide the whole page.
            due_date: row.due_date.and_then(|text| DueDate::parse(&text).ok()),
            user_id: UserId(row.user_id),
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        }
    }
}

/// The columns of a [`Row`] with this content.
type Columns<C> = (
    tasks::id,
    tasks::user_id,
    tasks::title,
    C,
    tasks::city,
    tasks::created_at,
    tasks::updated_at,
    <PlaceColumns as Selectable<Pg>>::SelectExpression,
    tasks::due_date,
);

fn with_content<C>(content: C) -> Columns<C> {
    (
        tasks::id,
        tasks::user_id,
        tasks::title,
        content,
        tasks::city,
        tasks::created_at,
        tasks::updated_at,
        columns::<PlaceColumns>(),
        tasks::due_date,
    )
}

/// The tasks of a page, and one more.
#[auto_type(no_type_alias)]
fn listed(user: UserId, page: PageRequest) -> _ {
    let user_id: i64 = user.0;
    let below: i64 = page.cursor.map_or(i64::MAX, Cursor::id);
    let rows: i64 = page.limit.items() as i64 + 1;
    tasks::table
        .filter(tasks::user_id.eq(user_id))
        .filter(tasks::id.lt(below))
        .order(tasks::id.desc())
        .limit(rows)
}

impl Database {
    /// Stores a new task. `place` is the place of its city, if it is known.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the owner's account does not exist, or the access is no longer valid.
    pub async fn create_task(
        &self,
        access: impl Into<Access>,
        draft: TaskDraft,
        place: Option<Place>,
        now: Timestamp,
    ) -> Result<Task, Error> {
        let access = access.into();
        execute!(self, |c| {
            let place = PlaceColumns::from(place);
            let insert = insert_if!(may(access), tasks {
                user_id => access.user.0,
                title => String::from(draft.title),
                content => String::from(draft.content),
                city => String::from(draft.city),
                created_at => At(now),
                updated_at => At(now),
                due_date => draft.due_date.map(|day| day.to_string()),
                place_name => place.place_name,
                country => place.country,
                country_code => place.country_code,
                admin1 => place.admin1,
                latitude => place.latitude,
                longitude => place.longitude,
                timezone => place.timezone,
            });
            let row: Row = c.one(insert.returning(with_content(tasks::content))).await?;
            Ok(row.into())
        })
    }

    /// Returns a page of the user's tasks, newest first. A page of long contents ends early, as in
    /// [`Database::notes`].
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the access is no longer valid.
    pub async fn tasks(&self, access: impl Into<Access>, page: PageRequest) -> Result<Page<Task>, Error> {
        let access = access.into();
        let found: Option<Vec<Task>> = read!(self, |c| {
            let query = listed(access.user, page)
                .filter(access.may_read(c).await?)
                .select(with_content(Short(tasks::content)));
            let rows: QueryResult<Vec<Row<ShortText>>> = c.all(query).await;
            let Some(rows) = if_short(rows)? else { return Ok(None) };
            if rows.is_empty() {
                access.require(c).await?;
            }
            Ok(Some(rows.into_iter().map(Task::from).collect()))
        })?;
        match found {
            Some(found) => Ok(Page::from_overfetch(found, page.limit)),
            None => self.long_tasks(access, page).await,
        }
    }

    /// Returns the same page as [`Database::tasks`] if one of its contents is not short.
    async fn long_tasks(&self, access: Access, page: PageRequest) -> Result<Page<Task>, Error> {
        read_large!(self, access.user, |c| {
            let query = listed(access.user, page)
                .filter(access.may_read(c).await?)
                .select((tasks::id, octet_length(tasks::content.nullable())));
            let sizes: Vec<(i64, Option<i32>)> = c.all(query).await?;
            let sizes = sizes.into_iter().map(|(id, content)| (id, bytes(content)));
            let fitting = Fitting::of(sizes, page.limit);
            let query = listed(access.user, page)
                .filter(tasks::id.between(fitting.oldest, fitting.newest))
                .filter(access.may_read(c).await?)
                .select(with_content(tasks::content));
            let rows: Vec<Row> = c.all(query).await?;
            if rows.is_empty() {
                access.require(c).await?;
            }
            Ok(Page { items: rows.into_iter().map(Task::from).collect(), next: fitting.next })
        })
    }

    /// Returns one of the user's tasks.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the user has no task with this id, or the access is no longer valid.
    pub async fn task(&self, access: impl Into<Access>, task: TaskId) -> Result<Task, Error> {
        let access = access.into();
        read!(self, |c| {
            let query = tasks::table
                .filter(tasks::id.eq(task.0))
                .filter(tasks::user_id.eq(access.user.0))
                .filter(access.may_read(c).await?)
                .select(with_content(tasks::content));
            let row: Row = c.one(query).await?;
            Ok(row.into())
        })
    }

    /// Changes one of the owner's tasks. A patch without fields changes nothing, and the owner
    /// cannot change. `place` is used only if the patch sets a city.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the owner has no task with this id, or the access is no longer valid.
    pub async fn update_task(
        &self,
        access: impl Into<Access>,
        task: TaskId,
        patch: TaskPatch,
        place: Option<Place>,
        now: Timestamp,
    ) -> Result<Task, Error> {
        let access = access.into();
        let patch = TaskPatch { user_id: None, ..patch };
        if patch == TaskPatch::default() {
            return self.task(access, task).await;
        }
        execute!(self, |c| {
            let target =
                tasks::table.find(task.0).filter(tasks::user_id.eq(access.user.0)).filter(may(access));
            let place = patch.city.is_some().then(|| PlaceColumns::from(place));
            let changes = (
                patch.title.map(|title| tasks::title.eq(String::from(title))),
                patch.content.map(|content| tasks::content.eq(String::from(content))),
                patch.city.map(|city| tasks::city.eq(String::from(city))),
                patch.due_date.map(|day| tasks::due_date.eq(day.map(|day| day.to_string()))),
                tasks::updated_at.eq(At(now)),
                place,
            );
            let update = diesel::update(target).set(changes).returning(with_content(tasks::content));
            let row: Row = c.one(Prepared(update)).await?;
            Ok(row.into())
        })
    }

    /// Stores the place of the city of one of the owner's tasks. Does nothing if the task does not
    /// exist or has another city by now, or the access is no longer valid. `updated_at` stays
    /// unchanged.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn place_task(
        &self,
        access: impl Into<Access>,
        task: TaskId,
        city: City,
        place: Place,
    ) -> Result<(), Error> {
        let access = access.into();
        execute!(self, |c| {
            let target = tasks::table
                .filter(tasks::id.eq(task.0))
                .filter(tasks::user_id.eq(access.user.0))
                .filter(tasks::city.eq(String::from(city)))
                .filter(may(access));
            c.execute(Prepared(diesel::update(target).set(PlaceColumns::from(Some(place))))).await?;
            Ok(())
        })
    }

    /// Deletes one of the owner's tasks.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the owner has no task with this id, or the access is no longer valid.
    pub async fn delete_task(&self, access: impl Into<Access>, task: TaskId) -> Result<(), Error> {
        let access = access.into();
        execute!(self, |c| {
            let target =
                tasks::table.find(task.0).filter(tasks::user_id.eq(access.user.0)).filter(may(access));
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
    async fn long_tasks_needs_a_live_session() {
        on_both_databases(async |database, ada| {
            let (draft, now) = (TaskDraft::parse("t", "c", "").unwrap(), Timestamp::now());
            database.create_task(ada, draft, None, now).await.unwrap();
            let page = PageRequest::default();
            assert_eq!(database.long_tasks(ada.into(), page).await.unwrap().items.len(), 1);
            let dead = Access::in_session(ada, SessionId(999), now);
            assert!(matches!(database.long_tasks(dead, page).await, Err(Error::NotFound)));
        })
        .await;
    }
}
