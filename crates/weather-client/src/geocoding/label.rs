//! Labels that distinguish the places of one name.

use std::cmp::Reverse;
use std::collections::HashSet;

use super::fold::fold;
use super::place::{NAME_CHARS_MAX, Place};
use crate::coordinates::Coordinates;

/// Places of the same names within this distance are one place, which the geocoder has twice. A
/// village is smaller. The weather is hardly different.
const SAME_PLACE_KM: f64 = 10.0;

/// The number of forms that a label can have.
const FORMS: usize = 6;

/// Returns the places with their labels, the largest first. Places of equal size keep their order.
///
/// Of places with the same names within 10 km, only the largest is returned.
pub(super) fn assign(mut places: Vec<Place>) -> Vec<Place> {
    places.sort_by_key(|place| Reverse(place.population));
    let places = without_duplicates(places);
    let forms: Vec<_> = places.iter().map(forms).collect();
    let keys: Vec<_> = forms.iter().map(|forms| forms.each_ref().map(|form| key(form))).collect();

    let mut used: HashSet<String> = HashSet::new();
    let mut labeled = Vec::with_capacity(places.len());
    for (index, place) in places.iter().enumerate() {
        let (forms, own) = (&forms[index], &keys[index]);
        let is_short = |form: usize| forms[form].chars().count() <= NAME_CHARS_MAX;
        let is_distinct = |form: usize| {
            let mut others = places.iter().zip(&keys).enumerate().filter(|(other, _)| *other != index);
            others.all(|(_, (other, keys))| {
                let is_other = keys[form] != own[form] && !describes(&forms[form], place, other);
                is_other || place.is_clearly_larger_than(other)
            })
        };
        // A label that is too long cannot be sent back. It is used only if all forms are too long.
        let form = (0..FORMS)
            .find(|form| is_short(*form) && !used.contains(&own[*form]) && is_distinct(*form))
            .unwrap_or(0);
        if used.insert(own[form].clone()) {
            labeled.push(Place { label: forms[form].clone(), ..place.clone() });
        }
    }
    labeled
}

/// Returns true if the label of a place is a name and areas of the other place too. A user who
/// writes it would mean the larger one.
fn describes(label: &str, place: &Place, other: &Place) -> bool {
    let parts = label.get(place.name.len()..).unwrap_or_default();
    let mut parts = parts.split(',').map(fold).filter(|part| !part.is_empty());
    key(&place.name) == key(&other.name) && parts.all(|part| other.areas().any(|area| fold(area) == part))
}

/// Returns the label in the form in which labels are compared: in lower case, with the spaces and
/// commas of a label.
pub(super) fn key(label: &str) -> String {
    let parts = label.split(',').map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ").to_lowercase()
}

/// Returns the coordinates as a part of a label, with about a kilometer of precision.
pub(super) fn coordinates(place: &Place) -> String {
    let Coordinates { latitude, longitude } = place.coordinates();
    let north = if latitude < 0.0 { 'S' } else { 'N' };
    let east = if longitude < 0.0 { 'W' } else { 'E' };
    format!("{:.2}°{north} {:.2}°{east}", latitude.abs(), longitude.abs())
}

/// Keeps the first of several places that are practically the same.
fn without_duplicates(places: Vec<Place>) -> Vec<Place> {
    let mut kept: Vec<Place> = Vec::with_capacity(places.len());
    for place in places {
        if !kept.iter().any(|other| is_same(&place, other)) {
            kept.push(place);
        }
    }
    kept
}

fn is_same(place: &Place, other: &Place) -> bool {
    place.coordinates().distance_km(other.coordinates()) <= SAME_PLACE_KM
        && key(&full(place)) == key(&full(other))
}

/// Returns the possible labels of a place. The preferred ones are first.
fn forms(place: &Place) -> [String; FORMS] {
    let coordinates = coordinates(place);
    [
        label(place, &[]),
        label(place, &[&place.admin2]),
        label(place, &[&place.admin3, &place.admin2]),
        full(place),
        label(place, &[&Some(coordinates.clone())]),
        format!("{}, {coordinates}", place.name),
    ]
}

/// Returns the label with all administrative levels.
fn full(place: &Place) -> String {
    label(place, &[&place.admin4, &place.admin3, &place.admin2])
}

/// Returns the label with these parts after the name.
fn label(place: &Place, details: &[&Option<String>]) -> String {
    let country = place.country_code.as_deref().or(place.country.as_deref());
    let details = details.iter().filter_map(|detail| detail.as_deref());
    let parts = std::iter::once(place.name.as_str()).chain(details);
    parts.chain(place.admin1.as_deref()).chain(country).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
