//! The choice between several places of one name.

use super::name::PlaceName;
use super::place::Place;
use crate::error::Error;

/// The maximum number of candidates for an ambiguous name.
const CANDIDATES_MAX: usize = 10;

/// The result of a search for a name.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a caller takes it apart at once")]
pub enum Resolution {
    /// The only place of this name, or the one that is clearly the largest.
    One(Place),
    /// At most ten candidates, the largest first. Each has its own [label](Place::label).
    Several(Vec<Place>),
}

impl Resolution {
    /// Chooses among the places that the geocoder found. The largest place must be the first.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownPlace`] if no place matches the name and its qualifiers.
    pub(crate) fn new(name: &PlaceName, places: &[Place]) -> Result<Self, Error> {
        let matching = matching(name, places);
        // Without this check, the label of a place without a region would be ambiguous. It also
        // matches places in the country's regions.
        if let Some(place) = places.iter().find(|place| name.is_label_of(place))
            && !matching.iter().any(|other| other.name == place.name && other.is_clearly_larger_than(place))
        {
            return Ok(Self::One(place.clone()));
        }
        match matching.as_slice() {
            [] => Err(Error::UnknownPlace),
            [only] => Ok(Self::One(Place::clone(only))),
            [first, second, ..] if first.is_clearly_larger_than(second) => Ok(Self::One(Place::clone(first))),
            several => Ok(Self::Several(several.iter().take(CANDIDATES_MAX).copied().cloned().collect())),
        }
    }
}

/// Returns the places that have the name and all of its qualifiers, in their order.
fn matching<'a>(name: &PlaceName, places: &'a [Place]) -> Vec<&'a Place> {
    let mut found: Vec<_> = places.iter().filter(|place| name.qualifiers_match(place)).collect();
    // The geocoder also finds longer names that begin with the requested one. They count only if
    // nothing else was found. If the name of a result is quite different, it is the requested name
    // in another language, such as Rome for Roma.
    if found.iter().any(|place| !name.is_only_a_prefix_of(place)) {
        found.retain(|place| !name.is_only_a_prefix_of(place));
    }
    found
}
