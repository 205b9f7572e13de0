//! Geocoding, from a name to a place: <https://open-meteo.com/en/docs/geocoding-api>.

mod fold;
mod label;
mod name;
mod place;
mod resolution;
mod response;
mod subdivisions;

pub(crate) use name::PlaceName;
pub use place::Place;
pub use resolution::Resolution;
pub(crate) use response::SearchResponse;
