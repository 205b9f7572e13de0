//! `Client::resolve`: the choice between several places of one name.

use daybook_weather_client::{Client, Error, Place, Resolution};
use serde_json::{Value, json};
use wiremock::MockServer;

use crate::support::{client, counts, forecast_body, ok, provider, resolve_one};

fn place(name: &str, admin1: &str, country_code: &str, population: Option<u64>) -> Value {
    let country = if country_code == "US" { "United States" } else { "Elsewhere" };
    json!({
        "name": name, "admin1": admin1, "country": country, "country_code": country_code,
        "latitude": 39.8, "longitude": -89.6, "timezone": "America/Chicago", "population": population,
    })
}

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

async fn label(client: &Client, name: &str) -> String {
    resolve_one(client, name).await.expect("the geocoder responds").label()
}

async fn candidate_labels(client: &Client, name: &str) -> Vec<String> {
    match client.resolve(name).await.expect("the geocoder responds") {
        Resolution::Several(places) => places.iter().map(Place::label).collect(),
        Resolution::One(place) => panic!("{name}: {place:?}"),
    }
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
