//! The geocoder's response, and the checks that turn it into [`Place`]s.

use std::sync::Arc;

use daybook_text::{is_invisible, is_joiner};
use serde::Deserialize;

use super::place::Place;
use crate::coordinates::{LATITUDES, LONGITUDES};
use crate::error::{Error, within};

/// The maximum length of a text in characters. A longer text is not a name, and the cache must not
/// store it.
const TEXT_CHARS_MAX: usize = 200;

/// The body of a successful response. The geocoder omits `results` if it found nothing.
#[derive(Deserialize)]
pub(crate) struct SearchResponse {
    results: Option<Vec<SearchResult>>,
}

#[derive(Deserialize)]
struct SearchResult {
    name: String,
    country: Option<String>,
    country_code: Option<String>,
    admin1: Option<String>,
    latitude: f64,
    longitude: f64,
    timezone: Option<String>,
    population: Option<u64>,
}

impl SearchResponse {
    /// Returns all places that the geocoder found, in its order: the best match first.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownPlace`] if there are none, and [`Error::Malformed`] if one is implausible.
    pub(crate) fn into_places(self) -> Result<Arc<[Place]>, Error> {
        let results = self.results.unwrap_or_default();
        let places: Vec<Place> =
            results.into_iter().map(SearchResult::into_place).collect::<Result<_, _>>()?;
        if places.is_empty() { Err(Error::UnknownPlace) } else { Ok(places.into()) }
    }
}

impl SearchResult {
    fn into_place(self) -> Result<Place, Error> {
        Ok(Place {
            name: filled(Some(self.name))?.ok_or_else(|| Error::implausible("name"))?,
            country: filled(self.country)?,
            country_code: filled(self.country_code)?,
            admin1: filled(self.admin1)?,
            latitude: within(self.latitude, LATITUDES, "latitude")?,
            longitude: within(self.longitude, LONGITUDES, "longitude")?,
            timezone: filled(self.timezone)?,
            population: self.population,
        })
    }
}

/// Returns the text, or `None` if it is empty. Returns [`Error::Malformed`] if it cannot be part of
/// a name.
///
/// Open-Meteo's documentation says that it omits empty fields, but it sends some of them as `""`.
fn filled(text: Option<String>) -> Result<Option<String>, Error> {
    match text.filter(|text| !text.is_empty()) {
        Some(text) if !is_plausible(&text) => Err(Error::implausible("text")),
        text => Ok(text),
    }
}

/// Returns true if the text is short enough, and has no invisible characters other than joiners.
///
/// Invisible characters could hide or reorder what a user sees. Names in some scripts need joiners.
fn is_plausible(text: &str) -> bool {
    let is_hidden = |c| is_invisible(c) && !is_joiner(c);
    text.chars().nth(TEXT_CHARS_MAX).is_none() && !text.contains(is_hidden)
}
