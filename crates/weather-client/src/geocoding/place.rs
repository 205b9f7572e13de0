//! Places that the geocoder returns.

use serde::Serialize;

use crate::coordinates::Coordinates;

/// The maximum length of a name with its qualifiers, in characters. Bangkok's ceremonial name is
/// longer. The longest other names have about 85 characters.
pub(super) const NAME_CHARS_MAX: usize = 100;

/// A place is chosen if its population is at least this many times that of the next one.
///
/// With this ratio, London is the one in England and not in Ontario. Portland is the one in Oregon
/// and not in Maine. Springfield stays ambiguous.
const CLEAR_RATIO: u64 = 4;

/// A place that the geocoder knows.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Place {
    /// The English name, or the local name if there is no English one.
    pub name: String,
    /// The country's English name.
    pub country: Option<String>,
    /// The country's code in ISO 3166-1 alpha-2, such as `FR`.
    pub country_code: Option<String>,
    /// The region: the country's first administrative level, such as a state or a province.
    pub admin1: Option<String>,
    /// The second administrative level, such as a county.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin2: Option<String>,
    /// The third administrative level, such as a municipality.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin3: Option<String>,
    /// The fourth administrative level, such as a district.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin4: Option<String>,
    /// Degrees north (WGS 84), -90 to 90.
    pub latitude: f64,
    /// Degrees east (WGS 84), -180 to 180.
    pub longitude: f64,
    /// The time zone's IANA name, such as `Europe/Paris`.
    pub timezone: Option<String>,
    /// The number of inhabitants, if known.
    pub population: Option<u64>,
    /// Depends on the other places of the same name, so it is set when all are known.
    #[serde(skip)]
    pub(super) label: String,
}

impl Place {
    /// Returns a place of which only the name and the coordinates are known. It has no label yet.
    pub(super) const fn new(name: String, latitude: f64, longitude: f64) -> Self {
        Self {
            name,
            country: None,
            country_code: None,
            admin1: None,
            admin2: None,
            admin3: None,
            admin4: None,
            latitude,
            longitude,
            timezone: None,
            population: None,
            label: String::new(),
        }
    }

    /// Returns the name with region and country code: `Springfield, Illinois, US`.
    ///
    /// Further levels are added if another place has the same label without them:
    /// `Beeston, Nottinghamshire, England, GB`. If the levels are the same too, the coordinates are
    /// added: `Beeston, 52.93°N 1.22°W, England, GB`. A place with four times the population of the
    /// others keeps the short label.
    ///
    /// The label distinguishes the candidates of an ambiguous name.
    /// [`Client::resolve`](crate::Client::resolve) returns this place for its label.
    #[must_use]
    pub fn label(&self) -> String {
        self.label.clone()
    }

    /// Returns the coordinates, for [`Client::forecast`](crate::Client::forecast).
    #[must_use]
    pub const fn coordinates(&self) -> Coordinates {
        Coordinates { latitude: self.latitude, longitude: self.longitude }
    }

    /// Returns the names of all areas that contain the place, and the country's code.
    pub(super) fn areas(&self) -> impl Iterator<Item = &str> {
        let levels = [&self.admin1, &self.admin2, &self.admin3, &self.admin4];
        let country = [&self.country, &self.country_code];
        levels.into_iter().chain(country).filter_map(Option::as_deref)
    }

    /// Returns true if the population is at least four times that of the other place. An unknown
    /// population counts as zero.
    pub(super) fn is_clearly_larger_than(&self, other: &Self) -> bool {
        let population = self.population.unwrap_or(0);
        population > 0 && population >= other.population.unwrap_or(0).saturating_mul(CLEAR_RATIO)
    }
}
