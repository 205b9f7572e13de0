//! `Client::resolve` with the code of a state, a province or another subdivision.

use daybook_weather_client::Error;
use serde_json::{Value, json};

use crate::support::{geocoder, label, place};

fn milan() -> Value {
    let mut milan = place("Milan", "Lombardy", "IT", Some(1_371_498));
    milan["admin2"] = json!("Metropolitan City of Milan");
    milan
}

#[tokio::test]
async fn resolve_accepts_the_code_of_a_subdivision() {
    for (name, admin1, country, queries) in [
        (
            "Vancouver",
            "British Columbia",
            "CA",
            ["Vancouver, BC", "vancouver, b.c.", "Vancouver, CA-BC", "Vancouver, BC, CA"],
        ),
        (
            "Sydney",
            "New South Wales",
            "AU",
            ["Sydney, NSW", "Sydney, N.S.W.", "Sydney, AU-NSW", "Sydney, nsw"],
        ),
        (
            "São Paulo",
            "São Paulo",
            "BR",
            ["São Paulo, SP", "São Paulo, S.P.", "São Paulo, BR-SP", "São Paulo, sp"],
        ),
        (
            "Guadalajara",
            "Jalisco",
            "MX",
            ["Guadalajara, JAL", "Guadalajara, Jal.", "Guadalajara, MX-JAL", "Guadalajara, Jal., MX"],
        ),
        (
            "Bengaluru",
            "Karnataka",
            "IN",
            ["Bengaluru, KA", "Bengaluru, ka", "Bengaluru, IN-KA", "Bengaluru, KA, IN"],
        ),
        ("Leeds", "England", "GB", ["Leeds, ENG", "Leeds, eng, UK", "Leeds, GB-ENG", "Leeds, ENG, GB"]),
        ("Perth", "Western Australia", "AU", ["Perth, WA", "Perth, W.A.", "Perth, AU-WA", "Perth, WA, AU"]),
        ("Seattle", "Washington", "US", ["Seattle, WA", "Seattle, wa", "Seattle, US-WA", "Seattle, WA, USA"]),
    ] {
        let elsewhere = place(name, "Elsewhere", "US", Some(9_000_000));
        let (_server, client) = geocoder(vec![elsewhere, place(name, admin1, country, Some(1))]).await;
        for query in queries {
            assert_eq!(label(&client, query).await, format!("{name}, {admin1}, {country}"), "{query}");
        }
    }
}

#[tokio::test]
async fn resolve_accepts_the_code_of_an_italian_province() {
    let (_server, client) = geocoder(vec![place("Milano", "Texas", "US", Some(408)), milan()]).await;
    for name in ["Milano, MI", "Milano, IT-MI", "Milano, MI, IT", "Milano, Metropolitan City of Milan"] {
        assert_eq!(label(&client, name).await, "Milan, Lombardy, IT", "{name}");
    }
    let error = client.resolve("Milano, TO").await.unwrap_err();
    assert!(matches!(error, Error::UnknownPlace), "{error:?}");
}

#[tokio::test]
async fn resolve_chooses_by_population_if_a_code_has_two_meanings() {
    let (_server, client) = geocoder(vec![place("Milan", "Michigan", "US", Some(5_983)), milan()]).await;
    assert_eq!(label(&client, "Milan, MI").await, "Milan, Lombardy, IT");
    assert_eq!(label(&client, "Milan, MI, US").await, "Milan, Michigan, US");
    assert_eq!(label(&client, "Milan, US-MI").await, "Milan, Michigan, US");
}

#[tokio::test]
async fn resolve_rejects_the_code_of_another_subdivision() {
    let mut hillsboro = place("Hillsboro", "Oregon", "US", Some(105_000));
    hillsboro["admin2"] = json!("Washington County");
    let charleston = place("Charleston", "West Virginia", "US", Some(48_000));
    let (_server, client) = geocoder(vec![hillsboro]).await;
    assert_eq!(label(&client, "Hillsboro, OR").await, "Hillsboro, Oregon, US");
    for name in ["Hillsboro, WA", "Hillsboro, CA-OR", "Hillsboro, -OR"] {
        assert!(matches!(client.resolve(name).await, Err(Error::UnknownPlace)), "{name}");
    }
    let (_server, client) = geocoder(vec![charleston]).await;
    assert_eq!(label(&client, "Charleston, WV").await, "Charleston, West Virginia, US");
    assert!(matches!(client.resolve("Charleston, VA").await, Err(Error::UnknownPlace)));
}
