//! From a name to a place: <https://open-meteo.com/en/docs/geocoding-api>.

use serde::{Deserialize, Serialize};
use url::Url;

use crate::{Error, error::within};

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
}

/// A name that could be a place's: trimmed, its inner white space folded to single spaces.
pub(crate) struct PlaceName {
    text: String,
    key: String,
}

impl PlaceName {
    pub(crate) fn parse(name: &str) -> Result<Self, Error> {
        // Characters first: folding a name of any length would be work for whoever sends a long one.
        if name.chars().nth(MAX_NAME).is_some() {
            return Err(Error::UnknownPlace);
        }
        let text = name.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.is_empty() || text.contains(char::is_control) {
            return Err(Error::UnknownPlace);
        }
        Ok(Self { key: text.to_lowercase(), text })
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
            .append_pair("count", "1")
            .append_pair("language", "en")
            .append_pair("format", "json");
        url
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
}

impl Answer {
    /// The best match: the geocoder sorts by it.
    pub(crate) fn into_place(self) -> Result<Place, Error> {
        self.results.into_iter().flatten().next().ok_or(Error::UnknownPlace)?.into_place()
    }
}

impl Candidate {
    fn into_place(self) -> Result<Place, Error> {
        // Open-Meteo documents that empty fields are left out, and sends some of them as "".
        let told = |text: &String| !text.is_empty();
        Ok(Place {
            name: Some(self.name).filter(told).ok_or_else(|| Error::implausible("name"))?,
            country: self.country.filter(told),
            country_code: self.country_code.filter(told),
            admin1: self.admin1.filter(told),
            latitude: within(self.latitude, -90.0..=90.0, "latitude")?,
            longitude: within(self.longitude, -180.0..=180.0, "longitude")?,
            timezone: self.timezone.filter(told),
        })
    }
}
