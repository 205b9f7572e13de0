//! Tasks: something to do, in a city that has weather.

use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::note::{CONTENT_MAX, TITLE_MAX};
use crate::text::{no_nul, no_nul_if_sent};
use crate::{TaskId, Timestamp, UserId};

/// The most characters of a city's name.
const CITY_MAX: usize = 100;

/// A stored task, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Task {
    /// The task's id.
    pub id: TaskId,
    /// 1 to 200 characters.
    #[cfg_attr(feature = "utoipa", schema(example = "Paint the fence"))]
    pub title: String,
    /// At most 100,000 characters.
    #[cfg_attr(feature = "utoipa", schema(example = "Two coats, if it stays dry."))]
    pub content: String,
    /// Where: at most 100 characters, as the user wrote it.
    #[cfg_attr(feature = "utoipa", schema(example = "Lisbon"))]
    pub city: String,
    /// Where that is; null while it is not known.
    #[cfg_attr(feature = "utoipa", schema(required))]
    pub place: Option<Place>,
    /// The day that it is for.
    #[cfg_attr(feature = "utoipa", schema(required, format = Date, example = "2026-11-23"))]
    pub due_date: Option<String>,
    /// Whose it is.
    pub user_id: UserId,
    /// When the task was written.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Where in the world.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Place {
    /// Its name.
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

/// A rule for garde: a full date (RFC 3339, section 5.6), or nothing.
///
/// # Errors
///
/// When the text is neither.
pub fn due_date_rule<C>(due_date: &Option<String>, _: &C) -> garde::Result {
    let Some(text) = due_date.as_deref().filter(|text| !text.is_empty()) else { return Ok(()) };
    let date = text.parse::<jiff::civil::Date>();
    // jiff reads other forms too, and negative years.
    if date.is_ok_and(|date| date.to_string() == text && date.year() > 0) && text.len() == 10 {
        return Ok(());
    }
    let has_form = text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() });
    Err(garde::Error::new(if has_form {
        "There is no such day"
    } else {
        "A due date is a day like 2026-11-23"
    }))
}

/// A task to be written, or the whole new content of one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Validate)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct TaskDraft {
    /// 1 to 200 characters.
    #[garde(length(chars, min = 1, max = TITLE_MAX), custom(no_nul))]
    #[cfg_attr(
        feature = "utoipa",
        schema(min_length = 1, max_length = 200, pattern = "^[^\\u0000]*$", example = "Paint the fence")
    )]
    pub title: String,
    /// At most 100,000 characters; may be empty.
    #[garde(length(chars, max = CONTENT_MAX), custom(no_nul))]
    #[cfg_attr(
        feature = "utoipa",
        schema(max_length = 100_000, pattern = "^[^\\u0000]*$", example = "Two coats, if it stays dry.")
    )]
    pub content: String,
    /// Where: at most 100 characters; without a city there is no weather.
    #[garde(length(chars, max = CITY_MAX), custom(no_nul))]
    #[cfg_attr(feature = "utoipa", schema(max_length = 100, pattern = "^[^\\u0000]*$", example = "Lisbon"))]
    pub city: String,
    /// The day that it is for, like `2026-11-23`: the weather is that of this day. An empty text is none.
    #[garde(custom(due_date_rule))]
    #[serde(default)]
    #[cfg_attr(feature = "utoipa", schema(schema_with = due_date_schema))]
    pub due_date: Option<String>,
    /// Whose task it is: when sent, it must be the caller's own id.
    #[garde(skip)]
    #[cfg_attr(feature = "utoipa", schema(example = json!(null)))]
    pub user_id: Option<i64>,
}

/// A date, an empty text or null: what a pattern says of a date lets through the thirtieth of February.
#[cfg(feature = "utoipa")]
fn due_date_schema() -> utoipa::openapi::schema::Schema {
    use utoipa::openapi::schema::{AnyOfBuilder, KnownFormat, ObjectBuilder, SchemaFormat, Type};
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let schema = AnyOfBuilder::new()
        .item(text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Date))))
        .item(text().max_length(Some(0)))
        .item(ObjectBuilder::new().schema_type(Type::Null))
        .description(Some("The day that it is for: the weather is that of this day. An empty text is none."))
        .examples(["2026-11-23"]);
    schema.build().into()
}

/// What changes in a task; a field that is absent or null stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Validate)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct TaskPatch {
    /// 1 to 200 characters.
    #[garde(length(chars, min = 1, max = TITLE_MAX), custom(no_nul_if_sent))]
    #[cfg_attr(
        feature = "utoipa",
        schema(min_length = 1, max_length = 200, pattern = "^[^\\u0000]*$", example = "Paint both fences")
    )]
    pub title: Option<String>,
    /// At most 100,000 characters; may be empty.
    #[garde(length(chars, max = CONTENT_MAX), custom(no_nul_if_sent))]
    #[cfg_attr(
        feature = "utoipa",
        schema(max_length = 100_000, pattern = "^[^\\u0000]*$", example = "One coat will do.")
    )]
    pub content: Option<String>,
    /// Where: at most 100 characters; without a city there is no weather.
    #[garde(length(chars, max = CITY_MAX), custom(no_nul_if_sent))]
    #[cfg_attr(feature = "utoipa", schema(max_length = 100, pattern = "^[^\\u0000]*$", example = "Porto"))]
    pub city: Option<String>,
    /// The day that it is for, like `2026-11-23`; an empty text takes it away.
    #[garde(custom(due_date_rule))]
    #[cfg_attr(feature = "utoipa", schema(schema_with = due_date_schema))]
    pub due_date: Option<String>,
    /// Whose task it is: when sent, it must be the caller's own id. A task never changes hands.
    #[garde(skip)]
    #[cfg_attr(feature = "utoipa", schema(example = json!(null)))]
    pub user_id: Option<i64>,
}

impl From<TaskDraft> for TaskPatch {
    /// Replacing a task is a patch that names every field.
    fn from(draft: TaskDraft) -> Self {
        Self {
            title: Some(draft.title),
            content: Some(draft.content),
            city: Some(draft.city),
            due_date: Some(draft.due_date.unwrap_or_default()),
            user_id: draft.user_id,
        }
    }
}
