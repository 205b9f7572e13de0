//! Tasks: something to do, in a city that has weather.

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::draft::draft_and_patch;
use crate::{City, Content, Cursor, DueDate, Listed, TaskId, TextError, Timestamp, Title, UserId};

/// A stored task, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Task {
    /// The task's id.
    pub id: TaskId,
    /// 1 to 200 characters.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, example = "Paint the fence"))]
    pub title: Title,
    /// At most 100,000 characters.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, example = "Two coats, if it stays dry."))]
    pub content: Content,
    /// The city as the user wrote it: at most 100 characters, or empty.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, example = "Lisbon"))]
    pub city: City,
    /// The place that the city was geocoded into; null as long as it is not known.
    #[cfg_attr(feature = "utoipa", schema(required))]
    pub place: Option<Place>,
    /// The day that the task is for.
    #[cfg_attr(
        feature = "utoipa",
        schema(required, value_type = Option<String>, format = Date, example = "2026-11-23")
    )]
    pub due_date: Option<DueDate>,
    /// The owner's id.
    pub user_id: UserId,
    /// When the task was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Task {
    /// A task that was created at `created_at` and has not changed since, without a place or a due
    /// date.
    #[must_use]
    pub fn new(
        id: TaskId,
        user_id: UserId,
        title: Title,
        content: Content,
        city: City,
        created_at: Timestamp,
    ) -> Self {
        let updated_at = created_at;
        Self { id, title, content, city, place: None, due_date: None, user_id, created_at, updated_at }
    }
}

impl Listed for Task {
    fn cursor(&self) -> Cursor {
        Cursor::after(self.id.0)
    }
}

/// A geographical place.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Place {
    /// The place's name.
    #[cfg_attr(feature = "utoipa", schema(example = "Lisbon"))]
    pub name: String,
    /// The country's English name.
    #[cfg_attr(feature = "utoipa", schema(required, example = "Portugal"))]
    pub country: Option<String>,
    /// The country's code (ISO 3166-1 alpha-2).
    #[cfg_attr(feature = "utoipa", schema(required, example = "PT"))]
    pub country_code: Option<String>,
    /// The region: a state or a province.
    #[cfg_attr(feature = "utoipa", schema(required, example = "Lisbon"))]
    pub admin1: Option<String>,
    /// Degrees north (WGS 84), -90 to 90.
    pub latitude: f64,
    /// Degrees east (WGS 84), -180 to 180.
    pub longitude: f64,
    /// The time zone's IANA name.
    #[cfg_attr(feature = "utoipa", schema(required, example = "Europe/Lisbon"))]
    pub timezone: Option<String>,
}

impl Place {
    /// A place of which only the name and the coordinates are known.
    #[must_use]
    pub fn new(name: String, latitude: f64, longitude: f64) -> Self {
        Self { name, country: None, country_code: None, admin1: None, latitude, longitude, timezone: None }
    }
}

draft_and_patch! {
    /// A task to be created, or the new state of a task that is replaced.
    TaskDraft;
    /// A change of a task. Fields that are absent or null stay unchanged.
    TaskPatch;
    required {
        /// 1 to 200 characters.
        title: Title(min_length = 1, max_length = 200), "Paint the fence" => "Paint both fences";
        /// At most 100,000 characters; may be empty.
        content: Content(max_length = 100_000), "Two coats, if it stays dry." => "One coat will do.";
        /// The city: at most 100 characters. Without a city there is no weather.
        city: City(max_length = 100), "Lisbon" => "Porto";
    }
    optional {
        /// The day that the task is for, like `2026-11-23`. The weather is that of this day. An
        /// empty text means none, and in a patch it removes the day: `Some(None)`.
        #[serde(deserialize_with = "due_date")]
        due_date: Option<DueDate> => Option<Option<DueDate>>, schema(schema_with = due_date_schema);
        /// The owner's id. If it is sent, it must be the caller's own.
        user_id: Option<i64> => Option<i64>, schema(example = json!(null));
    }
}

impl TaskDraft {
    /// Parses a title, a content and a city into a draft without a due date or an owner's id.
    ///
    /// # Errors
    ///
    /// Rejects texts that [`Title::parse`], [`Content::parse`] or [`City::parse`] rejects.
    pub fn parse(title: &str, content: &str, city: &str) -> Result<Self, TextError> {
        Ok(Self::new(Title::parse(title)?, Content::parse(content)?, City::parse(city)?))
    }
}

/// Reads the due date of a draft or a patch. Null is the default of the field. An empty text is no
/// date: `None` in a draft, `Some(None)` in a patch.
fn due_date<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + From<Option<DueDate>>,
{
    match Option::<String>::deserialize(deserializer)?.as_deref() {
        None => Ok(T::default()),
        Some("") => Ok(T::from(None)),
        Some(text) => DueDate::parse(text).map(|day| T::from(Some(day))).map_err(de::Error::custom),
    }
}

/// A date, an empty text or null. The format `date` is used because a pattern for dates would also
/// match days that do not exist.
#[cfg(feature = "utoipa")]
fn due_date_schema() -> utoipa::openapi::schema::Schema {
    use utoipa::openapi::schema::{AnyOfBuilder, KnownFormat, ObjectBuilder, SchemaFormat, Type};
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let schema = AnyOfBuilder::new()
        .item(text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Date))))
        .item(text().max_length(Some(0)))
        .item(ObjectBuilder::new().schema_type(Type::Null))
        .description(Some(
            "The day that the task is for. The weather is that of this day. An empty text means none.",
        ))
        .examples(["2026-11-23"]);
    schema.build().into()
}
