//! A point on the globe, for which a forecast can be requested.

use std::ops::RangeInclusive;

use crate::error::Error;

/// Valid latitudes, in degrees.
pub(crate) const LATITUDES: RangeInclusive<f64> = -90.0..=90.0;
/// Valid longitudes, in degrees.
pub(crate) const LONGITUDES: RangeInclusive<f64> = -180.0..=180.0;

/// A point on the globe (WGS 84).
///
/// [`Place::coordinates`](crate::Place::coordinates) returns the coordinates of a place that was
/// found by its name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coordinates {
    /// Degrees north, -90 to 90.
    pub latitude: f64,
    /// Degrees east, -180 to 180.
    pub longitude: f64,
}

impl Coordinates {
    /// Returns the coordinates if both are in range, and [`Error::UnknownPlace`] otherwise.
    pub(crate) fn checked(self) -> Result<Self, Error> {
        let is_on_globe = LATITUDES.contains(&self.latitude) && LONGITUDES.contains(&self.longitude);
        if is_on_globe { Ok(self) } else { Err(Error::UnknownPlace) }
    }

    /// Returns the key under which a cache stores the forecast. It consists of the bits, because
    /// floating-point numbers implement neither `Hash` nor `Eq`.
    pub(crate) fn cache_key(self) -> [u64; 2] {
        [self.latitude.to_bits(), self.longitude.to_bits()]
    }
}
