//! Geocodes the city of a task, and returns the weather there.

use daybook_domain::{DueDate, Place, Task, Timestamp};
use daybook_persistence::Access;
use daybook_validation::Issue;
use daybook_weather_client::{Coordinates, Current, Day, Error, Forecast, Resolution};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::lookup::{self, LookupError};
use crate::error::{ApiError, OrMissing};
use crate::state::State;

/// The number of days in the response. A forecast beyond a week is not reliable.
const DAYS: usize = 7;

/// The origin of forecasts, which their licence (CC BY 4.0) requires to be named.
const SOURCE: &str = "Open-Meteo.com";

const AMBIGUOUS: &str = "Several places have this name";

/// The weather at a place: current values and one entry for each day. A value is null if the
/// provider has none or sends an impossible one.
#[derive(Serialize, ToSchema)]
pub(crate) struct Weather {
    place: Place,
    current: Current,
    /// The days from today at the place on, at most seven. A day without any value is left out.
    daily: Vec<Day>,
    /// The day of `due_date`; null without one, or if no forecast covers it.
    #[schema(required)]
    due: Option<Day>,
    /// When the forecast was fetched.
    #[schema(value_type = String, format = DateTime)]
    fetched_at: Timestamp,
    /// The provider of the forecast.
    #[schema(example = "Open-Meteo.com")]
    source: &'static str,
    /// True for an older forecast, if the provider does not answer now.
    stale: bool,
}

impl Weather {
    fn new(place: Place, due_date: Option<DueDate>, forecast: &Forecast) -> Self {
        let is_due = |day: &&Day| due_date.is_some_and(|due_date| day.date == due_date.date());
        Self {
            place,
            current: forecast.current.clone(),
            due: forecast.daily.iter().find(is_due).cloned(),
            daily: forecast.daily.iter().take(DAYS).cloned().collect(),
            fetched_at: forecast.fetched_at.into(),
            source: SOURCE,
            stale: forecast.stale,
        }
    }
}

/// Geocodes the city of a task that is about to be stored. Returns `None` if the city is unknown or
/// the geocoder cannot be asked now. The geocoder is asked only for a live session, which may have
/// ended while the body was read.
///
/// # Errors
///
/// [`ApiError::Invalid`] with the candidates if the name is ambiguous. [`ApiError::BadToken`] if
/// the session has ended.
pub(super) async fn locate(state: &State, access: Access, city: &str) -> Result<Option<Place>, ApiError> {
    if city.trim().is_empty() {
        return Ok(None);
    }
    state.database.check_access(access).await.or_account_gone()?;
    let _waiting = state.metrics.count_waiting()?;
    match lookup::place(state, access.user(), city).await {
        Ok(Resolution::One(place)) => Ok(Some(place_of(place))),
        Ok(Resolution::Several(places)) => Err(ambiguous(city, &places)),
        // The city is geocoded when the task is read.
        Err(error) => {
            warn(&error);
            Ok(None)
        }
    }
}

/// Returns the weather for a task, or a sentence with the reason why there is none.
///
/// # Errors
///
/// [`ApiError::BadToken`] if the session has ended while the city was geocoded.
pub(super) async fn of_task(
    state: &State,
    access: Access,
    task: &mut Task,
) -> Result<Result<Weather, String>, ApiError> {
    if task.city.as_str().trim().is_empty() {
        return Ok(Err("This task has no city".to_owned()));
    }
    match forecast(state, access, task).await {
        Ok(weather) => Ok(Ok(weather)),
        Err(Problem::NoAccess(error)) => Err(error),
        Err(problem) => {
            if let Problem::Lookup(error) = &problem {
                warn(error);
            }
            Ok(Err(problem.to_string()))
        }
    }
}

/// Why a task has no weather. `Display` is the sentence for the user.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("{AMBIGUOUS}")]
    Ambiguous,
    #[error(transparent)]
    NoAccess(ApiError),
    #[error(transparent)]
    Lookup(#[from] LookupError),
}

/// Logs an error of the provider. An unknown city is a mistake of the user, and the errors before a
/// pause were logged.
fn warn(error: &LookupError) {
    if let LookupError::Provider(error) = error
        && !matches!(error, Error::UnknownPlace | Error::Paused { .. })
    {
        tracing::warn!(?error, "a place or a forecast was not found");
    }
}

async fn forecast(state: &State, access: Access, task: &mut Task) -> Result<Weather, Problem> {
    let place = match task.place.clone() {
        Some(place) => place,
        None => geocode_stored(state, access, task).await?,
    };
    let coordinates = Coordinates { latitude: place.latitude, longitude: place.longitude };
    let forecast = lookup::forecast(state, access.user(), coordinates).await?;
    if forecast.stale {
        tracing::warn!("an older forecast is returned, since the provider does not answer");
    }
    Ok(Weather::new(place, task.due_date, &forecast))
}

/// Geocodes the city of a stored task, which was not possible when the task was stored, and stores
/// the place. The geocoder may take seconds, so the session is checked again.
async fn geocode_stored(state: &State, access: Access, task: &mut Task) -> Result<Place, Problem> {
    let Resolution::One(found) = lookup::place(state, access.user(), task.city.as_str()).await? else {
        return Err(Problem::Ambiguous);
    };
    let place = place_of(found);
    let access = access.at(state.now());
    state.database.check_access(access).await.or_account_gone().map_err(Problem::NoAccess)?;
    let store = state.database.place_task(access, task.id, task.city.clone(), place.clone());
    if let Err(error) = store.await {
        tracing::warn!(%error, "the place of a task was not stored");
    }
    task.place = Some(place.clone());
    Ok(place)
}

fn ambiguous(city: &str, places: &[daybook_weather_client::Place]) -> ApiError {
    let labels: Vec<_> = places.iter().map(daybook_weather_client::Place::label).collect();
    let sentence =
        format!("{AMBIGUOUS}: say which, for example {}", labels.first().map_or("", String::as_str));
    let issue = Issue::of_field("body", "city", "ambiguous_place", sentence);
    let candidates: Vec<_> = places
        .iter()
        .zip(&labels)
        .map(|(place, label)| json!({ "city": label, "place": place_of(place.clone()) }))
        .collect();
    ApiError::Invalid(vec![issue.with_input(city).with_ctx(json!({ "candidates": candidates }))])
}

fn place_of(found: daybook_weather_client::Place) -> Place {
    Place {
        name: found.name,
        country: found.country,
        country_code: found.country_code,
        admin1: found.admin1,
        latitude: found.latitude,
        longitude: found.longitude,
        timezone: found.timezone,
    }
}
