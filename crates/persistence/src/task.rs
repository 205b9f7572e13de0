//! Tasks: every query takes the owner first.

use daybook_domain::{
    Cursor, Page, PageRequest, Place, Task, TaskDraft, TaskId, TaskPatch, Timestamp, UserId,
};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::reader::{self, may};
use crate::schema::tasks;
use crate::time::At;
use crate::unit::{execute, read};
use crate::{Database, Error, Reader};

#[derive(Queryable, Selectable)]
#[diesel(table_name = tasks, check_for_backend(Pg, Sqlite))]
struct Row {
    id: i64,
    user_id: i64,
    title: String,
    content: String,
    city: String,
    created_at: At,
    updated_at: At,
    #[diesel(embed)]
    place: PlaceColumns,
    due_date: Option<String>,
}

/// Where a task's city is; nothing in any of them where it is not known.
#[derive(Default, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = tasks, check_for_backend(Pg, Sqlite), treat_none_as_null = true)]
struct PlaceColumns {
    place_name: Option<String>,
    country: Option<String>,
    country_code: Option<String>,
    admin1: Option<String>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    timezone: Option<String>,
}

impl From<Option<Place>> for PlaceColumns {
    fn from(place: Option<Place>) -> Self {
        let Some(place) = place else { return Self::default() };
        Self {
            place_name: Some(place.name),
            country: place.country,
            country_code: place.country_code,
            admin1: place.admin1,
            latitude: Some(place.latitude),
            longitude: Some(place.longitude),
            timezone: place.timezone,
        }
    }
}

impl From<PlaceColumns> for Option<Place> {
    fn from(row: PlaceColumns) -> Self {
        Some(Place {
            name: row.place_name?,
            country: row.country,
            country_code: row.country_code,
            admin1: row.admin1,
            latitude: row.latitude?,
            longitude: row.longitude?,
            timezone: row.timezone,
        })
    }
}

impl From<Row> for Task {
    fn from(row: Row) -> Self {
        Self {
            place: row.place.into(),
            due_date: row.due_date,
            id: TaskId(row.id),
            title: row.title,
            content: row.content,
            city: row.city,
            user_id: UserId(row.user_id),
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        }
    }
}

#[derive(AsChangeset)]
#[diesel(table_name = tasks)]
struct Changes {
    title: Option<String>,
    content: Option<String>,
    city: Option<String>,
    /// None leaves it as it is; none within takes it away.
    due_date: Option<Option<String>>,
    updated_at: At,
}

/// An empty text is no day.
fn day(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

impl Database {
    /// Stores a new task.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when the owner is gone.
    pub async fn create_task(
        &self,
        owner: UserId,
        draft: TaskDraft,
        place: Option<Place>,
        now: Timestamp,
    ) -> Result<Task, Error> {
        execute!(self, |c| {
            let row = (
                tasks::user_id.eq(owner.0),
                tasks::title.eq(draft.title),
                tasks::content.eq(draft.content),
                tasks::city.eq(draft.city),
                tasks::created_at.eq(At(now)),
                tasks::updated_at.eq(At(now)),
                tasks::due_date.eq(draft.due_date.and_then(day)),
                PlaceColumns::from(place),
            );
            let insert = diesel::insert_into(tasks::table).values(row).returning(Row::as_returning());
            Ok(c.one(insert).await?.into())
        })
    }

    /// A page of the reader's tasks, newest first.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when the reader's session has ended.
    pub async fn tasks(&self, reader: impl Into<Reader>, page: PageRequest) -> Result<Page<Task>, Error> {
        let reader = reader.into();
        read!(self, |c| {
            let below = page.cursor.map_or(i64::MAX, Cursor::id);
            let query = tasks::table
                .filter(tasks::user_id.eq(reader.user.0))
                .filter(tasks::id.lt(below))
                .filter(may(reader))
                .order(tasks::id.desc())
                .limit(page.limit.items() as i64 + 1)
                .select(Row::as_select());
            let rows: Vec<Row> = c.all(query).await?;
            reader::tell_none_from_ended!(c, reader, rows);
            let found = rows.into_iter().map(Task::from).collect();
            Ok(Page::from_overfetch(found, page.limit, |task: &Task| task.id.0))
        })
    }

    /// One of the reader's tasks.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is none with this id, or it is somebody else's, or the reader's session has ended.
    pub async fn task(&self, reader: impl Into<Reader>, task: TaskId) -> Result<Task, Error> {
        let reader = reader.into();
        read!(self, |c| {
            let query = tasks::table
                .filter(tasks::id.eq(task.0))
                .filter(tasks::user_id.eq(reader.user.0))
                .filter(may(reader))
                .select(Row::as_select());
            Ok(c.one::<Row, _>(query).await?.into())
        })
    }

    /// Changes one of the owner's tasks; a patch that names nothing changes nothing. Whose it is stays as it is. `place` is where the patch's city is;
    /// without a city it is not looked at.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is none with this id, or it is somebody else's.
    pub async fn update_task(
        &self,
        owner: UserId,
        task: TaskId,
        patch: TaskPatch,
        place: Option<Place>,
        now: Timestamp,
    ) -> Result<Task, Error> {
        let TaskPatch { title, content, city, due_date, user_id: _ } = patch;
        if (&title, &content, &city, &due_date) == (&None, &None, &None, &None) {
            return self.task(owner, task).await;
        }
        execute!(self, |c| {
            let target = tasks::table.find(task.0).filter(tasks::user_id.eq(owner.0));
            let place = city.is_some().then(|| PlaceColumns::from(place));
            let changes = Changes { title, content, city, due_date: due_date.map(day), updated_at: At(now) };
            let update = diesel::update(target).set((changes, place)).returning(Row::as_returning());
            Ok(c.one(update).await?.into())
        })
    }

    /// Writes down where the city of one of the owner's tasks is, unless it is another city by now. That is no change of the task.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn place_task(
        &self,
        owner: UserId,
        task: TaskId,
        city: String,
        place: Place,
    ) -> Result<(), Error> {
        execute!(self, |c| {
            let target = tasks::table
                .filter(tasks::id.eq(task.0))
                .filter(tasks::user_id.eq(owner.0))
                .filter(tasks::city.eq(city));
            c.execute(diesel::update(target).set(PlaceColumns::from(Some(place)))).await?;
            Ok(())
        })
    }

    /// Deletes one of the owner's tasks.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is none with this id, or it is somebody else's.
    pub async fn delete_task(&self, owner: UserId, task: TaskId) -> Result<(), Error> {
        execute!(self, |c| {
            let target = tasks::table.find(task.0).filter(tasks::user_id.eq(owner.0));
            Error::not_found_if_none(c.execute(diesel::delete(target)).await?)
        })
    }
}
