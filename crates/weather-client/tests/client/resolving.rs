//! Which of several places of one name is meant.

use daybook_weather_client::{Client, Error, Resolution};
use serde_json::{Value, json};
use wiremock::MockServer;

use crate::support::{client, counts, ok, provider, week};

fn place(name: &str, admin1: &str, country_code: &str, population: Option<u64>) -> Value {
    let country = if country_code == "US" { "United States" } else { "Elsewhere" };
    json!({
        "name": name, "admin1": admin1, "country": country, "country_code": country_code,
        "latitude": 39.8, "longitude": -89.6, "timezone": "America/Chicago", "population": population,
    })
}

/// As the geocoder knows them: not by size, and with what only begins like the name.
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

async fn knowing(results: Value) -> (MockServer, Client) {
    let server = provider(ok(results), ok(week())).await;
    let client = client(&server.uri());
    (server, client)
}

async fn one(client: &Client, name: &str) -> String {
    match client.resolve(name).await.expect("the geocoder answers") {
        Resolution::One(place) => place.label(),
        Resolution::Several(places) => panic!("{name}: {places:?}"),
    }
}

async fn several(client: &Client, name: &str) -> Vec<String> {
    match client.resolve(name).await.expect("the geocoder answers") {
        Resolution::Several(places) => places.iter().map(daybook_weather_client::Place::label).collect(),
        Resolution::One(place) => panic!("{name}: {place:?}"),
    }
}

#[tokio::test]
async fn a_name_of_several_is_ambiguous_and_each_label_picks_its_place() {
    let (server, client) = knowing(springfields()).await;
    let labels = several(&client, "Springfield").await;
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
    for label in &labels {
        assert_eq!(one(&client, label).await, *label);
    }
    assert_eq!(counts(&server).await, (1, 0), "the name alone is asked for");
}

#[tokio::test]
async fn what_stands_behind_the_commas_may_be_written_in_many_ways() {
    let (_server, client) = knowing(springfields()).await;
    for name in [
        "Springfield, Illinois",
        "springfield,illinois,us",
        " Springfield ,  IL ",
        "Springfield, IL, USA",
        "Springfield, il, U.S.A.",
        "Springfield, Illinois, United States",
        "Springfield, US, Illinois,",
    ] {
        assert_eq!(one(&client, name).await, "Springfield, Illinois, US", "{name}");
    }
    for name in ["Springfield, Illinois, DE", "Springfield, Ontario", "Springfield, XX"] {
        assert!(matches!(client.resolve(name).await, Err(Error::UnknownPlace)), "{name}");
    }
    assert_eq!(several(&client, "Springfield, US").await.len(), 4);
}

#[tokio::test]
async fn a_state_comes_before_a_country_of_the_same_code() {
    let results = json!({ "results": [place("San Francisco", "California", "US", Some(864_816))] });
    let (_server, client) = knowing(results).await;
    assert_eq!(one(&client, "San Francisco, CA").await, "San Francisco, California, US");
    let results = json!({ "results": [place("Washington", "District of Columbia", "US", Some(601_723))] });
    let (_server, client) = knowing(results).await;
    assert_eq!(one(&client, "Washington, D.C.").await, "Washington, District of Columbia, US");
}

#[tokio::test]
async fn one_that_is_by_far_the_largest_is_meant() {
    for (second, is_clear) in [(2_000_000, true), (2_000_001, false)] {
        let results = json!({ "results": [
            place("London", "Ontario", "CA", Some(second)),
            place("London", "England", "GB", Some(8_000_000)),
        ]});
        let (_server, client) = knowing(results).await;
        match client.resolve("London").await.unwrap() {
            Resolution::One(place) => assert!(is_clear && place.country_code.as_deref() == Some("GB")),
            Resolution::Several(places) => assert!(!is_clear && places.len() == 2),
        }
        assert_eq!(one(&client, "London, Ontario").await, "London, Ontario, CA");
        assert_eq!(one(&client, "London, UK").await, "London, England, GB");
    }
}

#[tokio::test]
async fn a_city_is_known_by_its_name_in_another_language() {
    let results = json!({ "results": [
        place("Milano", "Texas", "US", Some(408)),
        place("Milan", "Lombardy", "IT", Some(1_236_837)),
    ]});
    let (_server, client) = knowing(results).await;
    assert_eq!(one(&client, "Milano").await, "Milan, Lombardy, IT");
    assert_eq!(one(&client, "Milano, Texas").await, "Milano, Texas, US");
    let results = json!({ "results": [
        place("Roma", "Queensland", "AU", Some(6_848)),
        place("Rome", "Latium", "IT", Some(2_318_895)),
        place("Roma", "Texas", "US", Some(10_265)),
        place("Romanshorn", "Thurgau", "CH", Some(9_900_000)),
    ]});
    let (_server, client) = knowing(results).await;
    assert_eq!(one(&client, "Roma").await, "Rome, Latium, IT");
}

#[tokio::test]
async fn of_places_whose_size_nobody_knows_none_is_by_far_the_largest() {
    let results =
        json!({ "results": [place("Ash", "Kent", "GB", None), place("Ash", "Surrey", "GB", None)] });
    let (_server, client) = knowing(results).await;
    assert_eq!(several(&client, "Ash").await, ["Ash, Kent, GB", "Ash, Surrey, GB"]);
    let results = json!({ "results": [place("Ash", "Kent", "GB", None)] });
    let (_server, client) = knowing(results).await;
    assert_eq!(one(&client, "Ash").await, "Ash, Kent, GB");
}

#[tokio::test]
async fn ten_are_shown_at_the_most() {
    let many: Vec<_> = (0..50).map(|number| place("Ash", &format!("Region {number}"), "GB", None)).collect();
    let (_server, client) = knowing(json!({ "results": many })).await;
    assert_eq!(several(&client, "Ash").await.len(), 10);
    assert_eq!(one(&client, "Ash, Region 49").await, "Ash, Region 49, GB");
}

#[tokio::test]
async fn a_label_without_a_region_picks_its_place() {
    let results = json!({ "results": [
        place("Foo", "Texas", "US", Some(900)),
        place("Foo", "", "US", Some(800)),
    ]});
    let (_server, client) = knowing(results).await;
    for label in several(&client, "Foo").await {
        assert_eq!(one(&client, &label).await, label);
    }
}

#[tokio::test]
async fn what_only_begins_like_the_name_is_taken_when_nothing_has_it() {
    let results = json!({ "results": [place("Springfield Gardens", "New York", "US", None)] });
    let (_server, client) = knowing(results).await;
    assert_eq!(one(&client, "Springfield").await, "Springfield Gardens, New York, US");
}
