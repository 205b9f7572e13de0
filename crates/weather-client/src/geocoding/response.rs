//! The geocoder's response, and the checks that turn it into [`Place`]s.

use std::ops::RangeInclusive;
use std::sync::Arc;

use daybook_text::{is_invisible, is_joiner};
use serde::Deserialize;
use serde_json::Value;

use super::label;
use super::place::Place;
use crate::coordinates::{LATITUDES, LONGITUDES};
use crate::error::Error;
use crate::json::{self, Object};

/// The maximum length of a text in characters. A longer text is not a name, and the cache must not
/// store it.
const TEXT_CHARS_MAX: usize = 200;

/// The maximum number of places. The client requests 50.
const PLACES_MAX: usize = 100;

/// More people than there are in the world.
const POPULATION_MAX: u64 = 10_000_000_000;

/// The body of a successful response: a JSON object. The geocoder omits `results` if it found
/// nothing.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct SearchResponse(Object);

impl SearchResponse {
    /// Returns the places that the geocoder found, the largest first. Skips each result without a
    /// plausible name and plausible coordinates.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownPlace`] if there are no results, and [`Error::Malformed`] if none is usable.
    pub(crate) fn into_places(self) -> Result<Arc<[Place]>, Error> {
        let results = match self.0.get("results") {
            None | Some(Value::Null) => return Err(Error::UnknownPlace),
            Some(Value::Array(results)) if results.is_empty() => return Err(Error::UnknownPlace),
            Some(Value::Array(results)) => results,
            Some(_) => return Err(Error::unusable("list of places")),
        };
        let places: Vec<_> = results.iter().filter_map(place).take(PLACES_MAX).collect();
        if places.is_empty() { Err(Error::unusable("place")) } else { Ok(label::assign(places).into()) }
    }
}

/// Returns the place of a result, or `None` if the name or a coordinate is not plausible. Leaves
/// out any other field that is not plausible.
fn place(result: &Value) -> Option<Place> {
    let result = result.as_object()?;
    let text = |field: &str| json::text(result, field).and_then(plausible);
    let coordinate = |field: &str, range: RangeInclusive<f64>| {
        result.get(field).and_then(Value::as_f64).filter(|value| range.contains(value))
    };
    let name = text("name")?;
    let (latitude, longitude) = (coordinate("latitude", LATITUDES)?, coordinate("longitude", LONGITUDES)?);
    Some(Place {
        country: text("country"),
        country_code: text("country_code").and_then(country_code),
        admin1: text("admin1"),
        admin2: text("admin2"),
        admin3: text("admin3"),
        admin4: text("admin4"),
        timezone: text("timezone"),
        population: result.get("population").and_then(Value::as_u64).filter(|count| *count < POPULATION_MAX),
        ..Place::new(name, latitude, longitude)
    })
}

/// Returns the text without surrounding white space, or `None` if it is empty, longer than 200
/// characters, or contains an invisible character other than a joiner.
///
/// Invisible characters could hide or reorder what a user sees. Names in some scripts need joiners.
/// Open-Meteo's documentation says that it omits empty fields, but it sends some of them as `""`.
fn plausible(text: &str) -> Option<String> {
    let text = text.trim();
    let is_hidden = |c| is_invisible(c) && !is_joiner(c);
    let is_short = text.chars().nth(TEXT_CHARS_MAX).is_none();
    (is_short && !text.is_empty() && !text.contains(is_hidden)).then(|| text.to_owned())
}

/// Returns the code in upper case, or `None` if it does not consist of two letters.
fn country_code(code: String) -> Option<String> {
    let is_code = code.len() == 2 && code.chars().all(|c| c.is_ascii_alphabetic());
    is_code.then(|| code.to_ascii_uppercase())
}

#[cfg(test)]
mod tests;
