//! A point on the globe, for which a forecast can be requested.

use std::ops::RangeInclusive;

use crate::error::Error;

/// Valid latitudes, in degrees.
pub(crate) const LATITUDES: RangeInclusive<f64> = -90.0..=90.0;
/// Valid longitudes, in degrees.
pub(crate) const LONGITUDES: RangeInclusive<f64> = -180.0..=180.0;

/// The radius of a sphere with the surface of the Earth, in km.
const EARTH_RADIUS: f64 = 6371.0;

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

    /// Returns the distance in km along the surface of the Earth (haversine formula).
    pub(crate) fn distance_km(self, other: Self) -> f64 {
        let half_sine = |from: f64, to: f64| ((to - from).to_radians() / 2.0).sin();
        let parallels = self.latitude.to_radians().cos() * other.latitude.to_radians().cos();
        let chord = half_sine(self.latitude, other.latitude).powi(2)
            + parallels * half_sine(self.longitude, other.longitude).powi(2);
        2.0 * EARTH_RADIUS * chord.sqrt().min(1.0).asin()
    }

    /// Returns the key under which a cache stores the forecast. It consists of the bits, because
    /// floating-point numbers implement neither `Hash` nor `Eq`.
    pub(crate) fn cache_key(self) -> [u64; 2] {
        [self.latitude.to_bits(), self.longitude.to_bits()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distance(from: (f64, f64), to: (f64, f64)) -> f64 {
        let coordinates = |(latitude, longitude)| Coordinates { latitude, longitude };
        coordinates(from).distance_km(coordinates(to))
    }

    #[test]
    fn distance_km_follows_the_surface_of_the_earth() {
        let (paris, berlin) = ((48.853, 2.349), (52.524, 13.411));
        assert!((distance(paris, berlin) - 878.0).abs() < 2.0, "{}", distance(paris, berlin));
        assert!(distance(paris, paris) < 0.001);
        // The two points are on both sides of the date line.
        assert!(distance((0.0, 179.99), (0.0, -179.99)) < 3.0);
        assert!((distance((90.0, 0.0), (-90.0, 0.0)) - 20_015.0).abs() < 1.0);
    }
}
