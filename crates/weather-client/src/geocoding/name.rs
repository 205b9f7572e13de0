//! A place's name as a user writes it: `Springfield, Illinois, US`.

use url::Url;

use super::fold::fold;
use super::label;
use super::place::{NAME_CHARS_MAX, Place};
use super::subdivisions;
use crate::error::Error;

/// The number of search results to request. Each state of a country may have a Springfield.
const SEARCH_RESULTS: &str = "50";

/// A name and its qualifiers. The qualifiers are the parts after a comma, for example region and
/// country.
pub(crate) struct PlaceName {
    /// The part before the first comma. The geocoder receives only this part.
    name: String,
    /// The name with ASCII letters in lower case, because the geocoder ignores their case.
    ///
    /// Other letters stay as they are. The Kelvin sign (U+212A) becomes `k` in lower case, but the
    /// geocoder distinguishes the two, so they must not share a cache entry.
    cache_key: String,
    /// The qualifiers in lower case. Codes have the form that [`code_of`] returns.
    qualifiers: Vec<String>,
    /// The name and the qualifiers in the form that [`label::key`] returns.
    label: String,
}

impl PlaceName {
    /// Trims the name, folds inner white space to single spaces and separates the qualifiers.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownPlace`] if the name is empty, is longer than [`NAME_CHARS_MAX`], or contains
    /// control characters.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        // The length is checked first, so that a very long text is rejected at once.
        if text.chars().nth(NAME_CHARS_MAX).is_some() {
            return Err(Error::UnknownPlace);
        }
        let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut parts = folded.split(',').map(str::trim).filter(|part| !part.is_empty());
        let name = parts.next().unwrap_or_default().to_owned();
        if name.is_empty() || name.contains(char::is_control) {
            return Err(Error::UnknownPlace);
        }
        let qualifiers = parts.map(str::to_lowercase).map(code_of).collect();
        Ok(Self { cache_key: name.to_ascii_lowercase(), name, qualifiers, label: label::key(&folded) })
    }

    /// Returns the key under which a cache stores the places of this name.
    pub(crate) fn cache_key(&self) -> &str {
        &self.cache_key
    }

    /// Returns the URL of the search for this name.
    ///
    /// The name is a percent-encoded query value. It cannot change the path or the host, or add a
    /// parameter.
    pub(crate) fn search_url(&self, endpoint: &Url) -> Url {
        let mut url = endpoint.clone();
        url.query_pairs_mut()
            .append_pair("name", &self.name)
            .append_pair("count", SEARCH_RESULTS)
            .append_pair("language", "en")
            .append_pair("format", "json");
        url
    }

    /// Returns true if every qualifier is an area of the place, the code of its country or its
    /// region, or its coordinates as in a label. Case, diacritics and punctuation do not matter.
    pub(super) fn qualifiers_match(&self, place: &Place) -> bool {
        self.qualifiers.iter().all(|qualifier| {
            is_area(place, &fold(qualifier))
                || subdivisions::lies_in(place, qualifier)
                || label::coordinates(place).to_lowercase() == *qualifier
        })
    }

    /// Returns true if the place's name is longer and begins with this name, as Springfield Gardens
    /// does for Springfield.
    pub(super) fn is_only_a_prefix_of(&self, place: &Place) -> bool {
        let name = self.name.to_lowercase();
        let place_name = place.name.to_lowercase();
        place_name.len() > name.len() && place_name.starts_with(&name)
    }

    /// Returns true if this name has qualifiers and is exactly the place's label.
    pub(super) fn is_label_of(&self, place: &Place) -> bool {
        !self.qualifiers.is_empty() && label::key(&place.label) == self.label
    }
}

/// Returns true if the place is in an area with this folded name.
fn is_area(place: &Place, folded: &str) -> bool {
    !folded.is_empty() && place.areas().any(|area| fold(area) == folded)
}

/// Returns a qualifier in the form of a code: without periods, and `us` for `USA`. A longer
/// qualifier is returned unchanged.
fn code_of(qualifier: String) -> String {
    let without_periods = qualifier.replace('.', "");
    match without_periods.as_str() {
        "usa" => "us".to_owned(),
        "uk" => "gb".to_owned(),
        // `D.C.` is an abbreviation, and `St. Gallen` is not.
        _ if without_periods.len() <= 3 => without_periods,
        _ => qualifier,
    }
}
