//! From a name to a place: <https://open-meteo.com/en/docs/geocoding-api>.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    Coordinates, Error,
    coordinates::{LATITUDES, LONGITUDES},
    error::within,
};

mod us_states;

/// Characters. The longest names in use, Bangkok's ceremonial one aside, have about 85.
const MAX_NAME: usize = 100;

/// Where in the world.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Place {
    /// The English name, or the local one where there is none.
    pub name: String,
    /// The country's English name.
    pub country: Option<String>,
    /// ISO 3166-1 alpha-2, such as `FR`.
    pub country_code: Option<String>,
    /// The region: the country's first administrative level, such as a state or a province.
    pub admin1: Option<String>,
    /// Degrees north (WGS 84), -90 to 90.
    pub latitude: f64,
    /// Degrees east (WGS 84), -180 to 180.
    pub longitude: f64,
    /// The time zone's IANA name, such as `Europe/Paris`.
    pub timezone: Option<String>,
    /// How many people live there, where that is known: what tells the Paris of France from that of Texas.
    pub population: Option<u64>,
}

impl Place {
    /// Returns the coordinates, as [`Client::forecast`](crate::Client::forecast) takes them.
    #[must_use]
    pub const fn coordinates(&self) -> Coordinates {
        Coordinates { latitude: self.latitude, longitude: self.longitude }
    }

    /// What tells this place from others of its name: `Springfield, Illinois, US`. [`Client::resolve`](crate::Client::resolve) finds it again by this.
    #[must_use]
    pub fn label(&self) -> String {
        let country = self.country_code.as_ref().or(self.country.as_ref());
        let parts = [Some(&self.name), self.admin1.as_ref(), country];
        parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq)]
pub enum Resolution {
    /// This place: the only one of the name, or by far the largest.
    One(Place),
    /// Any of these, the largest first, ten at the most: their [labels](Place::label) tell them apart.
    Several(Vec<Place>),
}

/// A place with at least this many times the population of the next one of its name is taken to be the one meant: London in England rather than
/// in Ontario, Portland in Oregon rather than in Maine, but no Springfield.
const BY_FAR: u64 = 4;

/// How many candidates an ambiguous name has at most.
const SHOWN: usize = 10;

/// A name that could be a place's, with what stands behind its commas to tell it from others: trimmed, inner white space folded to single spaces.
pub(crate) struct PlaceName {
    text: String,
    /// The name for the cache. Nothing but the case of ASCII is folded, which the geocoder does not look at: what it would look up apart must
    /// not share an answer, or who asks first decides for the other. `K` (U+212A) becomes a `k` in lower case.
    key: String,
    qualifiers: Vec<String>,
    /// All of it, as a label would be in lower case.
    whole: String,
}

impl PlaceName {
    pub(crate) fn parse(name: &str) -> Result<Self, Error> {
        // Characters first: folding a name of any length would be work for whoever sends a long one.
        if name.chars().nth(MAX_NAME).is_some() {
            return Err(Error::UnknownPlace);
        }
        let folded = name.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut parts = folded.split(',').map(str::trim).filter(|part| !part.is_empty());
        let text = parts.next().unwrap_or_default().to_owned();
        if text.is_empty() || text.contains(char::is_control) {
            return Err(Error::UnknownPlace);
        }
        let parts: Vec<_> = parts.map(str::to_lowercase).collect();
        let whole = std::iter::once(text.to_lowercase()).chain(parts.iter().cloned());
        let whole = whole.collect::<Vec<_>>().join(", ");
        let qualifiers = parts.into_iter().map(code_of).collect();
        Ok(Self { key: text.to_ascii_lowercase(), text, qualifiers, whole })
    }

    /// What two spellings of one name share: the geocoder does not look at case.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The search for this name. The name is a query value, percent-encoded: it can reach neither path nor host, nor
    /// add a parameter.
    pub(crate) fn request(&self, endpoint: &Url) -> Url {
        let mut url = endpoint.clone();
        url.query_pairs_mut()
            .append_pair("name", &self.text)
            .append_pair("count", COUNT)
            .append_pair("language", "en")
            .append_pair("format", "json");
        url
    }
}

/// Enough for the states of a country that each have a Springfield.
const COUNT: &str = "50";

/// Abbreviations without their dots, and two countries whose usual short names are not their codes.
fn code_of(qualifier: String) -> String {
    let bare = qualifier.replace('.', "");
    match bare.as_str() {
        "usa" => "us".to_owned(),
        "uk" => "gb".to_owned(),
        // `D.C.`, but not `St. Gallen`.
        _ if bare.len() <= 3 => bare,
        _ => qualifier,
    }
}

impl PlaceName {
    /// Those of the places that have the name and what was said behind it, the best match first.
    fn among(&self, places: &[Place]) -> Result<Vec<Place>, Error> {
        let matches = |place: &&Place| {
            let told = [&place.admin1, &place.country, &place.country_code];
            let is_told = |qualifier: &String| {
                told.iter().any(|told| told.as_ref().is_some_and(|told| told.to_lowercase() == *qualifier))
                    || us_states::lies_in(place, qualifier)
            };
            self.qualifiers.iter().all(is_told)
        };
        let mut found: Vec<Place> = places.iter().filter(matches).cloned().collect();
        // The geocoder also finds what only begins like the name: Springfield Gardens. What it found under another name in another language has the name
        // as well: Rome is Roma. Where something has it, nothing else is meant.
        let name = self.text.to_lowercase();
        let only_begins = |place: &Place| {
            let told = place.name.to_lowercase();
            told.len() > name.len() && told.starts_with(&name)
        };
        if found.iter().any(|place| !only_begins(place)) {
            found.retain(|place| !only_begins(place));
        }
        if found.is_empty() { Err(Error::UnknownPlace) } else { Ok(found) }
    }

    /// Which of these is meant.
    pub(crate) fn resolve(&self, places: &[Place]) -> Result<Resolution, Error> {
        let mut found = self.among(places)?;
        found.sort_by_key(|place| std::cmp::Reverse(place.population));
        // Of two that nobody can tell apart by what is known of them the larger one stands for both.
        let mut labels = std::collections::HashSet::new();
        found.retain(|place| labels.insert(place.label().to_lowercase()));
        // A place without a region has a label that fits others, too.
        if !self.qualifiers.is_empty()
            && let Some(named) = found.iter().find(|place| place.label().to_lowercase() == self.whole)
        {
            return Ok(Resolution::One(named.clone()));
        }
        let population = |index: usize| found.get(index).map(|place: &Place| place.population.unwrap_or(0));
        let is_clear = match (population(0), population(1)) {
            (Some(first), Some(second)) => first > 0 && first >= second.saturating_mul(BY_FAR),
            _ => true,
        };
        found.truncate(if is_clear { 1 } else { SHOWN });
        match found.pop() {
            Some(only) if found.is_empty() => Ok(Resolution::One(only)),
            Some(last) => {
                found.push(last);
                Ok(Resolution::Several(found))
            }
            None => Err(Error::UnknownPlace),
        }
    }
}

/// What the geocoder answers. `results` is left out where nothing was found.
#[derive(Deserialize)]
pub(crate) struct Answer {
    results: Option<Vec<Candidate>>,
}

#[derive(Deserialize)]
struct Candidate {
    name: String,
    country: Option<String>,
    country_code: Option<String>,
    admin1: Option<String>,
    latitude: f64,
    longitude: f64,
    timezone: Option<String>,
    population: Option<u64>,
}

impl Answer {
    /// All that it found, the best match first.
    pub(crate) fn into_places(self) -> Result<Arc<[Place]>, Error> {
        let places: Vec<Place> =
            self.results.into_iter().flatten().map(Candidate::into_place).collect::<Result<_, _>>()?;
        if places.is_empty() { Err(Error::UnknownPlace) } else { Ok(places.into()) }
    }
}

/// Characters. Longer ones are no names, and are not to be kept.
const MAX_TOLD: usize = 200;

/// What does not belong into a name: control characters, and what turns the direction of writing (Unicode, annex 9).
fn is_hidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl Candidate {
    fn into_place(self) -> Result<Place, Error> {
        let told = |text: &String| !text.is_empty();
        let texts = [Some(&self.name), self.country.as_ref(), self.admin1.as_ref(), self.timezone.as_ref()];
        let texts = texts.into_iter().chain([self.country_code.as_ref()]).flatten();
        if texts.into_iter().any(|text| text.chars().nth(MAX_TOLD).is_some() || text.contains(is_hidden)) {
            return Err(Error::implausible("text"));
        }
        // Open-Meteo documents that empty fields are left out, and sends some of them as "".
        Ok(Place {
            name: Some(self.name).filter(told).ok_or_else(|| Error::implausible("name"))?,
            country: self.country.filter(told),
            country_code: self.country_code.filter(told),
            admin1: self.admin1.filter(told),
            latitude: within(self.latitude, LATITUDES, "latitude")?,
            longitude: within(self.longitude, LONGITUDES, "longitude")?,
            timezone: self.timezone.filter(told),
            population: self.population,
        })
    }
}
