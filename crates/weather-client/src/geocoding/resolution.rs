//! The choice between several places of one name.

use std::cmp::Reverse;
use std::collections::HashSet;

use super::name::PlaceName;
use super::place::Place;
use crate::error::Error;

/// A place is chosen if its population is at least this many times that of the next one.
///
/// With this ratio, London is the one in England and not in Ontario. Portland is the one in Oregon
/// and not in Maine. Springfield stays ambiguous.
const CLEAR_RATIO: u64 = 4;

/// The maximum number of candidates for an ambiguous name.
const CANDIDATES_MAX: usize = 10;

/// The result of a search for a name.
#[derive(Debug, Clone, PartialEq)]
pub enum Resolution {
    /// The only place of this name, or the one that is clearly the largest.
    One(Place),
    /// At most ten candidates, the largest first. Each has its own [label](Place::label).
    Several(Vec<Place>),
}

impl Resolution {
    /// Chooses among the places that the geocoder found.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownPlace`] if no place matches the name and its qualifiers.
    pub(crate) fn new(name: &PlaceName, places: &[Place]) -> Result<Self, Error> {
        let mut candidates = matching(name, places);
        candidates.sort_by_key(|place| Reverse(place.population));
        // If several places have the same label, only the largest one is kept.
        let mut labels = HashSet::new();
        candidates.retain(|place| labels.insert(place.label().to_lowercase()));
        // Without this check, the label of a place without a region would be ambiguous. It also
        // matches places in the country's regions.
        if let Some(place) = candidates.iter().find(|place| name.is_label_of(place)) {
            return Ok(Self::One(Place::clone(place)));
        }
        match candidates.as_slice() {
            [] => Err(Error::UnknownPlace),
            [only] => Ok(Self::One(Place::clone(only))),
            [first, second, ..] if is_clearly_larger(first, second) => Ok(Self::One(Place::clone(first))),
            several => Ok(Self::Several(several.iter().take(CANDIDATES_MAX).copied().cloned().collect())),
        }
    }
}

/// Returns the places that have the name and all of its qualifiers, in the geocoder's order.
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

fn is_clearly_larger(first: &Place, second: &Place) -> bool {
    let first = first.population.unwrap_or(0);
    let second = second.population.unwrap_or(0);
    first > 0 && first >= second.saturating_mul(CLEAR_RATIO)
}
