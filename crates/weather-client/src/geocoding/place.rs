//! Places that the geocoder returns.

use serde::Serialize;

use crate::coordinates::Coordinates;

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
    /// Degrees north (WGS 84), -90 to 90.
    pub latitude: f64,
    /// Degrees east (WGS 84), -180 to 180.
    pub longitude: f64,
    /// The time zone's IANA name, such as `Europe/Paris`.
    pub timezone: Option<String>,
    /// The number of inhabitants, if known.
    pub population: Option<u64>,
}

impl Place {
    /// Returns the name with region and country code: `Springfield, Illinois, US`.
    ///
    /// The label distinguishes the candidates of an ambiguous name.
    /// [`Client::resolve`](crate::Client::resolve) returns this place for its label.
    #[must_use]
    pub fn label(&self) -> String {
        let country = self.country_code.as_ref().or(self.country.as_ref());
        let parts = [Some(&self.name), self.admin1.as_ref(), country];
        parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(", ")
    }

    /// Returns the coordinates, for [`Client::forecast`](crate::Client::forecast).
    #[must_use]
    pub const fn coordinates(&self) -> Coordinates {
        Coordinates { latitude: self.latitude, longitude: self.longitude }
    }
}
