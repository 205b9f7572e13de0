//! `Client::resolve`: the choice between several places of one name.

use daybook_weather_client::{Client, Error, Resolution};
use serde_json::{Value, json};
use wiremock::MockServer;

use crate::support::{candidate_labels, client, counts, forecast_body, label, ok, place, provider};

/// Returns search results in the geocoder's order: not by size, and with a longer name.
fn springfields() -> Value {
    json!({ "results": [
        place("Springfield", "Missouri", "US", Some(166_810)),
        place("Springfield", "Illinois", "US", Some(116_565)),
        place("Springfield", "Wisconsin", "US", None),
        place("Springfield", "Wisconsin", "US", Some(158)),
        place("Springfield", "Massachusetts", "US", Some(154_341)),
        place("Springfield Gardens", "New York", "US", Some(900_000)),
        place("Springfield", "", "", None),
    ]})
}

async fn server_and_client(results: Value) -> (MockServer, Client) {
    let server = provider(ok(results), ok(forecast_body())).await;
    let client = client(&server.uri());
    (server, client)
}

#[tokio::test]
async fn resolve_returns_each_candidate_for_its_label() {
    let (server, client) = server_and_client(springfields()).await;
    let labels = candidate_labels(&client, "Springfield").await;
    assert_eq!(
        labels,
        [
            "Springfield, Missouri, US",
            "Springfield, Massachusetts, US",
            "Springfield, Illinois, US",
            "Springfield, Wisconsin, US",
            "Springfield, Elsewhere",
        ],
        "the largest first, each label once"
    );
    for candidate in &labels {
        assert_eq!(label(&client, candidate).await, *candidate);
    }
    assert_eq!(counts(&server).await, (1, 0), "only the name is sent, so all labels share one search");
}

#[tokio::test]
async fn resolve_accepts_qualifiers_in_several_forms() {
    let (_server, client) = server_and_client(springfields()).await;
    for name in [
        "Springfield, Illinois",
        "springfield,illinois,us",
        " Springfield ,  IL ",
        "Springfield, IL, USA",
        "Springfield, il, U.S.A.",
        "Springfield, Illinois, United States",
        "Springfield, US, Illinois,",
    ] {
        assert_eq!(label(&client, name).await, "Springfield, Illinois, US", "{name}");
    }
    for name in ["Springfield, Illinois, DE", "Springfield, Ontario", "Springfield, XX"] {
        assert!(matches!(client.resolve(name).await, Err(Error::UnknownPlace)), "{name}");
    }
    assert_eq!(candidate_labels(&client, "Springfield, US").await.len(), 4);
}

#[tokio::test]
async fn resolve_accepts_the_code_of_a_state() {
    let results = json!({ "results": [place("San Francisco", "California", "US", Some(864_816))] });
    let (_server, client) = server_and_client(results).await;
    assert_eq!(label(&client, "San Francisco, CA").await, "San Francisco, California, US");
    let results = json!({ "results": [place("Washington", "District of Columbia", "US", Some(601_723))] });
    let (_server, client) = server_and_client(results).await;
    assert_eq!(label(&client, "Washington, D.C.").await, "Washington, District of Columbia, US");
}

#[tokio::test]
async fn resolve_chooses_a_place_with_four_times_the_population() {
    for (second, is_clear) in [(2_000_000, true), (2_000_001, false)] {
        let results = json!({ "results": [
            place("London", "Ontario", "CA", Some(second)),
            place("London", "England", "GB", Some(8_000_000)),
        ]});
        let (_server, client) = server_and_client(results).await;
        match client.resolve("London").await.unwrap() {
            Resolution::One(place) => assert!(is_clear && place.country_code.as_deref() == Some("GB")),
            Resolution::Several(places) => assert!(!is_clear && places.len() == 2),
        }
        assert_eq!(label(&client, "London, Ontario").await, "London, Ontario, CA");
        assert_eq!(label(&client, "London, UK").await, "London, England, GB");
    }
}

#[tokio::test]
async fn resolve_finds_a_city_by_its_name_in_another_language() {
    let results = json!({ "results": [
        place("Milano", "Texas", "US", Some(408)),
        place("Milan", "Lombardy", "IT", Some(1_236_837)),
    ]});
    let (_server, client) = server_and_client(results).await;
    assert_eq!(label(&client, "Milano").await, "Milan, Lombardy, IT");
    assert_eq!(label(&client, "Milano, Texas").await, "Milano, Texas, US");
    let results = json!({ "results": [
        place("Roma", "Queensland", "AU", Some(6_848)),
        place("Rome", "Latium", "IT", Some(2_318_895)),
        place("Roma", "Texas", "US", Some(10_265)),
        place("Romanshorn", "Thurgau", "CH", Some(9_900_000)),
    ]});
    let (_server, client) = server_and_client(results).await;
    assert_eq!(label(&client, "Roma").await, "Rome, Latium, IT");
}

#[tokio::test]
async fn resolve_returns_candidates_if_no_population_is_known() {
    let results =
        json!({ "results": [place("Ash", "Kent", "GB", None), place("Ash", "Surrey", "GB", None)] });
    let (_server, client) = server_and_client(results).await;
    assert_eq!(candidate_labels(&client, "Ash").await, ["Ash, Kent, GB", "Ash, Surrey, GB"]);
    let results = json!({ "results": [place("Ash", "Kent", "GB", None)] });
    let (_server, client) = server_and_client(results).await;
    assert_eq!(label(&client, "Ash").await, "Ash, Kent, GB");
}

#[tokio::test]
async fn resolve_returns_at_most_ten_candidates() {
    let many: Vec<_> = (0..50).map(|number| place("Ash", &format!("Region {number}"), "GB", None)).collect();
    let (_server, client) = server_and_client(json!({ "results": many })).await;
    assert_eq!(candidate_labels(&client, "Ash").await.len(), 10);
    assert_eq!(label(&client, "Ash, Region 49").await, "Ash, Region 49, GB");
}

#[tokio::test]
async fn resolve_accepts_a_label_without_a_region() {
    let results = json!({ "results": [
        place("Foo", "Texas", "US", Some(900)),
        place("Foo", "", "US", Some(800)),
    ]});
    let (_server, client) = server_and_client(results).await;
    for candidate in candidate_labels(&client, "Foo").await {
        assert_eq!(label(&client, &candidate).await, candidate);
    }
}

#[tokio::test]
async fn resolve_accepts_a_longer_name_if_no_other_place_is_found() {
    let results = json!({ "results": [place("Springfield Gardens", "New York", "US", None)] });
    let (_server, client) = server_and_client(results).await;
    assert_eq!(label(&client, "Springfield").await, "Springfield Gardens, New York, US");
}

/// Returns places in England that have the same label without their second level.
fn beestons(populations: [Option<u64>; 3]) -> Value {
    let beeston = |admin2: &str, latitude: f64, population: Option<u64>| {
        let mut place = place("Beeston", "England", "GB", population);
        place["admin2"] = json!(admin2);
        place["latitude"] = json!(latitude);
        place
    };
    let [first, second, third] = populations;
    json!({ "results": [
        beeston("Nottinghamshire", 52.93, first),
        beeston("Leeds", 53.77, second),
        beeston("Norfolk", 52.7, third),
    ]})
}

#[tokio::test]
async fn resolve_adds_the_second_level_to_labels_that_would_be_the_same() {
    for populations in [[None; 3], [Some(66_683), Some(20_000), None], [Some(300), Some(200), Some(100)]] {
        let (server, client) = server_and_client(beestons(populations)).await;
        let labels = candidate_labels(&client, "Beeston").await;
        assert_eq!(
            labels,
            [
                "Beeston, Nottinghamshire, England, GB",
                "Beeston, Leeds, England, GB",
                "Beeston, Norfolk, England, GB",
            ]
        );
        for candidate in &labels {
            assert_eq!(label(&client, candidate).await, *candidate);
        }
        assert_eq!(candidate_labels(&client, "Beeston, England").await, labels);
        assert_eq!(label(&client, "beeston, norfolk").await, "Beeston, Norfolk, England, GB");
        assert_eq!(counts(&server).await, (1, 0));
    }
}

#[tokio::test]
async fn resolve_keeps_the_short_label_of_a_clearly_larger_place() {
    let (_server, client) = server_and_client(beestons([Some(66_683), Some(16_000), None])).await;
    assert_eq!(label(&client, "Beeston").await, "Beeston, England, GB");
    assert_eq!(label(&client, "Beeston, Leeds").await, "Beeston, Leeds, England, GB");
    let mut several = beestons([Some(66_683), None, None]);
    several["results"][1]["admin1"] = json!("Scotland");
    several["results"][1]["population"] = json!(60_000);
    let (_server, client) = server_and_client(several).await;
    let labels = candidate_labels(&client, "Beeston").await;
    assert_eq!(labels[..2], ["Beeston, England, GB", "Beeston, Scotland, GB"]);
    for candidate in &labels {
        assert_eq!(label(&client, candidate).await, *candidate);
    }
}

#[tokio::test]
async fn resolve_adds_further_levels_to_labels_that_would_be_the_same() {
    let mut several = beestons([None; 3]);
    for (index, admin3) in ["Breckland", "Broadland", "Broadland"].into_iter().enumerate() {
        several["results"][index]["admin2"] = json!("Norfolk");
        several["results"][index]["admin3"] = json!(admin3);
        several["results"][index]["admin4"] = json!(format!("Parish {index}"));
    }
    let (_server, client) = server_and_client(several).await;
    let labels = candidate_labels(&client, "Beeston").await;
    assert_eq!(
        labels,
        [
            "Beeston, Breckland, Norfolk, England, GB",
            "Beeston, Parish 1, Broadland, Norfolk, England, GB",
            "Beeston, Parish 2, Broadland, Norfolk, England, GB",
        ]
    );
    for candidate in &labels {
        assert_eq!(label(&client, candidate).await, *candidate);
    }
}

#[tokio::test]
async fn resolve_adds_the_coordinates_if_the_levels_are_the_same() {
    let mut several = beestons([None; 3]);
    for index in 0..3_usize {
        several["results"][index]["admin2"] = json!("Norfolk");
    }
    let (_server, client) = server_and_client(several).await;
    let labels = candidate_labels(&client, "Beeston").await;
    assert_eq!(labels[0], "Beeston, 52.93°N 89.60°W, England, GB");
    assert_eq!(labels.len(), 3);
    for candidate in &labels {
        assert_eq!(label(&client, candidate).await, *candidate);
    }
    assert_eq!(label(&client, "Beeston, 53.77°n 89.60°w").await, labels[1]);
}

#[tokio::test]
async fn resolve_returns_one_place_if_the_geocoder_has_it_twice() {
    let mut several = beestons([Some(100), Some(200), None]);
    for index in 0..3_usize {
        several["results"][index]["admin2"] = json!("Norfolk");
        several["results"][index]["latitude"] = json!(52.7 + 0.04 * index as f64);
    }
    let (_server, client) = server_and_client(several).await;
    let Resolution::One(place) = client.resolve("Beeston").await.unwrap() else { panic!("one place") };
    assert_eq!((place.population, place.label()), (Some(200), "Beeston, England, GB".to_owned()));
}

#[tokio::test]
async fn resolve_ignores_diacritics_in_qualifiers() {
    let results = json!({ "results": [
        place("Paris", "Île-de-France", "FR", Some(2_138_551)),
        place("Paris", "Texas", "US", Some(2_138_551)),
    ]});
    let (_server, client) = server_and_client(results).await;
    assert_eq!(label(&client, "Paris, ile de france").await, "Paris, Île-de-France, FR");
}
