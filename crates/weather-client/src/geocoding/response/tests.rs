//! `SearchResponse::into_places` with faulty responses.

use proptest::prelude::{ProptestConfig, prop_assert};
use proptest::proptest;
use serde_json::json;

use super::*;
use crate::geocoding::place::NAME_CHARS_MAX;
use crate::geocoding::{PlaceName, Resolution};
use crate::mutation::mutated;

fn good() -> Value {
    json!({
        "results": [
            {
                "name": "Beeston", "latitude": 52.92, "longitude": -1.21, "country_code": "GB",
                "country": "United Kingdom", "admin1": "England", "admin2": "Nottinghamshire",
                "timezone": "Europe/London", "population": 66_683, "elevation": 30.0,
            },
            {
                "name": "Beeston", "latitude": 53.77, "longitude": -1.56, "country_code": "GB",
                "admin1": "England", "admin2": "Leeds",
            },
            {
                "name": "Beeston Hill", "latitude": 53.78, "longitude": -1.54, "country_code": "GB",
                "admin1": "England", "admin2": "Leeds", "population": 20_000,
            },
            { "name": "Beeston Park", "latitude": 52.67, "longitude": 1.29 },
        ],
        "generationtime_ms": 0.7,
    })
}

fn read(body: Value) -> Result<Arc<[Place]>, Error> {
    let response: SearchResponse = serde_json::from_value(body).map_err(Error::malformed)?;
    response.into_places()
}

/// Returns the places if these fields of the first result are replaced.
fn first_with(changes: &[(&str, Value)]) -> Place {
    let mut body = good();
    for (field, value) in changes {
        body["results"][0][field] = value.clone();
    }
    let places = read(body).unwrap();
    places.iter().find(|place| place.latitude == 52.92).unwrap().clone()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn into_places_keeps_each_unchanged_result(body in mutated(good())) {
        let original = good();
        let originals = original["results"].as_array().unwrap();
        let results = body["results"].as_array().cloned().unwrap_or_default();
        let places = read(body).map(|places| places.to_vec()).unwrap_or_default();
        for result in results.iter().filter(|result| originals.contains(result)) {
            let is_kept = places.iter().any(|place| {
                json!(place.name) == result["name"] && json!(place.latitude) == result["latitude"]
            });
            prop_assert!(is_kept, "{result} is not in {places:?}");
        }
    }

    #[test]
    fn into_places_returns_places_with_different_labels(body in mutated(good())) {
        let places = read(body).map(|places| places.to_vec()).unwrap_or_default();
        let mut labels: Vec<_> = places.iter().map(|place| label::key(&place.label)).collect();
        labels.sort();
        labels.dedup();
        prop_assert!(labels.len() == places.len(), "{places:?}");
    }

    #[test]
    fn into_places_returns_labels_that_resolve_to_their_places(body in mutated(good())) {
        let places = read(body).map(|places| places.to_vec()).unwrap_or_default();
        // A longer label cannot be sent, so the place has no usable one.
        for place in places.iter().filter(|place| place.label.chars().count() <= NAME_CHARS_MAX) {
            assert_resolves(place, &places);
        }
    }
}

/// Fails unless the place's label resolves to it, among all places of its name.
fn assert_resolves(place: &Place, places: &[Place]) {
    let named: Vec<Place> = places.iter().filter(|other| other.name == place.name).cloned().collect();
    let resolved = Resolution::new(&PlaceName::parse(&place.label).unwrap(), &named).unwrap();
    assert_eq!(resolved, Resolution::One(place.clone()), "{named:?}");
}

#[test]
fn into_places_returns_labels_that_resolve_for_places_without_levels() {
    let place = |latitude: f64, admin1: Option<&str>, code: Option<&str>, population: u64| {
        json!({
            "name": "York", "latitude": latitude, "longitude": 1.0, "admin1": admin1,
            "country_code": code, "population": population,
        })
    };
    for results in [
        json!([place(10.0, None, None, 5), place(30.0, Some("Thera"), Some("GR"), 5)]),
        json!([place(10.0, None, None, 5), place(30.0, None, None, 5), place(50.0, None, None, 5)]),
        json!([place(10.0, Some("England"), Some("GB"), 150_000), place(30.0, Some("England"), None, 3)]),
        json!([place(10.0, None, Some("GB"), 9), place(30.0, Some("England"), Some("GB"), 8)]),
        json!([place(10.0, None, None, 9), place(30.0, None, None, 2)]),
    ] {
        let places = read(json!({ "results": results })).unwrap();
        for place in places.iter() {
            assert_resolves(place, &places);
        }
    }
}

#[test]
fn resolution_prefers_a_far_larger_place_to_an_equal_label() {
    let results = json!([
        { "name": "York", "latitude": 10.0, "longitude": 1.0, "admin1": "England", "country_code": "GB",
          "population": 150_000 },
        { "name": "York", "latitude": 30.0, "longitude": 1.0, "admin1": "England", "population": 3 },
    ]);
    let places = read(json!({ "results": results })).unwrap();
    let Ok(Resolution::One(york)) = Resolution::new(&PlaceName::parse("York, England").unwrap(), &places)
    else {
        panic!("{places:?}")
    };
    assert_eq!(york.population, Some(150_000));
}

#[test]
fn into_places_leaves_out_a_faulty_optional_field() {
    for population in [json!(-1), json!(1.5), json!("66683"), json!(u64::MAX), json!([])] {
        assert_eq!(first_with(&[("population", population)]).population, None);
    }
    for code in [json!("GBR"), json!("G"), json!("\u{200e}GB"), json!("12"), json!("éé"), json!(826)] {
        assert_eq!(first_with(&[("country_code", code)]).country_code, None);
    }
    let place = first_with(&[("timezone", json!(0)), ("elevation", json!("high")), ("admin2", json!({}))]);
    assert_eq!((place.timezone, place.admin2), (None, None));
    assert_eq!(place.population, Some(66_683));
}

#[test]
fn into_places_accepts_a_country_code_in_lower_case() {
    let place = first_with(&[("country_code", json!("gb"))]);
    assert_eq!(place.country_code.as_deref(), Some("GB"));
}
