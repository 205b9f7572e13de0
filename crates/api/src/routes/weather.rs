//! Where a task's city is, and the weather there.

use daybook_domain::{Place, Task, Timestamp, UserId};
use daybook_weather_client::{Current, Day, Error, Forecast, Resolution};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::state::State;
use crate::validation::Issue;

/// How many days are shown: beyond a week a forecast says little.
const DAYS: usize = 7;

/// Where forecasts come from: their licence (CC BY 4.0) wants it said.
const SOURCE: &str = "Open-Meteo.com";

const NO_CITY: &str = "This task has no city";
const TOO_MANY: &str = "Too many of your cities are being looked up at once";
const SEVERAL: &str = "Several places have this name";

/// The weather at a place: now, and day by day.
#[derive(Serialize, ToSchema)]
pub(crate) struct Weather {
    place: Place,
    current: Current,
    /// Today, at the place, and the six days after it.
    daily: Vec<Day>,
    /// The day that the task is for; null if it is for none, or for one that no forecast reaches.
    #[schema(required)]
    due: Option<Day>,
    /// When the provider was asked.
    #[schema(value_type = String, format = DateTime)]
    fetched_at: Timestamp,
    /// Who made the forecast.
    #[schema(example = "Open-Meteo.com")]
    source: &'static str,
    /// Whether this is an older forecast, since the provider cannot be asked now.
    stale: bool,
}

impl Weather {
    fn new(place: Place, due_date: Option<&str>, forecast: &Forecast) -> Self {
        let is_due = |day: &&Day| due_date.is_some_and(|date| day.date.to_string() == date);
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

/// The place of a city that is about to be written down; none if nobody knows it now, or if this user has several looked up already.
///
/// # Errors
///
/// [`ApiError::Invalid`] with the candidates when it may be any of several.
pub(super) async fn locate(state: &State, user: UserId, city: &str) -> Result<Option<Place>, ApiError> {
    if city.trim().is_empty() {
        return Ok(None);
    }
    let _waiting = state.metrics.waiting()?;
    // It is looked for again when the task is read.
    let Ok(_seat) = state.lookup_seats.take(user) else { return Ok(None) };
    match state.weather.resolve(city).await {
        Ok(Resolution::One(place)) => Ok(Some(place_of(place))),
        Ok(Resolution::Several(places)) => Err(several(city, &places)),
        Err(Error::UnknownPlace) => Ok(None),
        Err(error) => {
            tracing::warn!(?error, "a city was not looked up");
            Ok(None)
        }
    }
}

/// The weather for a task, or a sentence that says why there is none.
pub(super) async fn of_task(state: &State, task: &mut Task) -> Result<Weather, String> {
    if task.city.trim().is_empty() {
        return Err(NO_CITY.to_owned());
    }
    let weather = async {
        let place = match task.place.clone() {
            Some(place) => place,
            None => find(state, task).await?,
        };
        let forecast = state.weather.forecast(&spot_of(&place)).await?;
        if forecast.stale {
            tracing::warn!("an older forecast is told: there is no newer one to be had");
        }
        Ok(Weather::new(place, task.due_date.as_deref(), &forecast))
    };
    weather.await.map_err(|problem: Problem| match problem {
        Problem::Several => SEVERAL.to_owned(),
        Problem::TooMany => TOO_MANY.to_owned(),
        // A city that nobody knows is the user's affair.
        Problem::Provider(Error::UnknownPlace) => Error::UnknownPlace.to_string(),
        Problem::Provider(error) => {
            tracing::warn!(?error, "no weather for a task");
            error.to_string()
        }
    })
}

enum Problem {
    Several,
    TooMany,
    Provider(Error),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Provider(error)
    }
}

/// Finds the place of a task that was written while it could not be found, and writes it down.
async fn find(state: &State, task: &mut Task) -> Result<Place, Problem> {
    let Ok(_seat) = state.lookup_seats.take(task.user_id) else { return Err(Problem::TooMany) };
    let Resolution::One(found) = state.weather.resolve(&task.city).await? else {
        return Err(Problem::Several);
    };
    let place = place_of(found);
    if let Err(error) =
        state.database.place_task(task.user_id, task.id, task.city.clone(), place.clone()).await
    {
        tracing::warn!(%error, "the place of a task was not written down");
    }
    task.place = Some(place.clone());
    Ok(place)
}

fn several(city: &str, places: &[daybook_weather_client::Place]) -> ApiError {
    let labels: Vec<_> = places.iter().map(daybook_weather_client::Place::label).collect();
    let sentence = format!("{SEVERAL}: say which, for example {}", labels.first().map_or("", String::as_str));
    let issue = Issue::of_field("body", "city", "ambiguous_place", sentence);
    let candidates: Vec<_> = places
        .iter()
        .zip(&labels)
        .map(|(place, label)| json!({ "city": label, "place": place_of(place.clone()) }))
        .collect();
    ApiError::Invalid(vec![issue.with_input(Some(city.into())).with_ctx(json!({ "candidates": candidates }))])
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

/// Of a place that was stored a forecast needs the coordinates alone.
fn spot_of(place: &Place) -> daybook_weather_client::Place {
    daybook_weather_client::Place {
        name: place.name.clone(),
        country: None,
        country_code: None,
        admin1: None,
        latitude: place.latitude,
        longitude: place.longitude,
        timezone: None,
        population: None,
    }
}
