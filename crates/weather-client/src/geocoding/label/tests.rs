//! `assign` with places that differ in one level, in their coordinates or in their population.

use super::*;

/// Returns a place in England with these levels, `admin2` first.
fn beeston(levels: [&str; 3], latitude: f64, population: Option<u64>) -> Place {
    let [admin2, admin3, admin4] =
        levels.map(|level| Some(level.to_owned()).filter(|level| !level.is_empty()));
    Place {
        country_code: Some("GB".to_owned()),
        admin1: Some("England".to_owned()),
        admin2,
        admin3,
        admin4,
        population,
        ..Place::new("Beeston".to_owned(), latitude, -1.215)
    }
}

fn labels(places: Vec<Place>) -> Vec<String> {
    assign(places).iter().map(Place::label).collect()
}

#[test]
fn assign_adds_the_first_level_that_differs() {
    let places = vec![
        beeston(["Nottinghamshire", "Broxtowe", ""], 52.9, None),
        beeston(["Leeds", "", ""], 53.8, None),
        beeston(["Norfolk", "Breckland", "North"], 52.6, None),
        beeston(["Norfolk", "Breckland", "South"], 52.4, None),
    ];
    assert_eq!(
        labels(places),
        [
            "Beeston, Nottinghamshire, England, GB",
            "Beeston, Leeds, England, GB",
            "Beeston, North, Breckland, Norfolk, England, GB",
            "Beeston, South, Breckland, Norfolk, England, GB",
        ]
    );
}

#[test]
fn assign_keeps_the_short_label_of_a_clearly_larger_place() {
    let places = vec![
        beeston(["Leeds", "", ""], 53.8, Some(100)),
        beeston(["Nottinghamshire", "", ""], 52.9, Some(400)),
    ];
    assert_eq!(labels(places), ["Beeston, England, GB", "Beeston, Leeds, England, GB"]);
    let places = vec![
        beeston(["Leeds", "", ""], 53.8, Some(101)),
        beeston(["Nottinghamshire", "", ""], 52.9, Some(400)),
    ];
    assert_eq!(labels(places), ["Beeston, Nottinghamshire, England, GB", "Beeston, Leeds, England, GB"]);
}

#[test]
fn assign_keeps_the_largest_of_one_place_that_occurs_twice() {
    let places = vec![
        beeston(["Leeds", "", ""], 53.80, Some(1)),
        beeston(["Leeds", "", ""], 53.85, Some(2)),
        beeston(["Leeds", "", ""], 53.82, None),
    ];
    let places = assign(places);
    assert_eq!(places.len(), 1);
    assert_eq!((places[0].population, places[0].label.as_str()), (Some(2), "Beeston, England, GB"));
}

#[test]
fn assign_adds_the_coordinates_to_distant_places_of_the_same_names() {
    let places = vec![beeston(["Leeds", "", ""], 53.8, None), beeston(["Leeds", "", ""], 53.0, None)];
    assert_eq!(
        labels(places),
        ["Beeston, 53.80°N 1.22°W, England, GB", "Beeston, 53.00°N 1.22°W, England, GB"]
    );
}

#[test]
fn assign_distinguishes_a_place_without_a_level() {
    let places = vec![
        beeston(["Leeds", "", ""], 53.8, Some(800)),
        beeston(["", "", ""], 53.0, Some(100)),
        beeston(["", "", ""], 52.0, Some(100)),
    ];
    let labels = labels(places);
    assert_eq!(labels.len(), 3);
    assert_eq!(labels.iter().collect::<HashSet<_>>().len(), 3, "{labels:?}");
}

#[test]
fn assign_prefers_a_label_that_can_be_sent_back() {
    let long = "x".repeat(90);
    let places = vec![beeston([&long, "", ""], 53.8, None), beeston(["Leeds", "", ""], 53.0, None)];
    assert_eq!(labels(places), ["Beeston, 53.80°N 1.22°W, England, GB", "Beeston, Leeds, England, GB"]);
}
