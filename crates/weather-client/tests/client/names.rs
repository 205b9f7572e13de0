//! A name is always one value of the query, no matter which characters it contains.

use daybook_weather_client::Error;

use crate::support::{client, healthy_provider, requests, resolve_one};

#[tokio::test]
async fn resolve_sends_the_name_as_one_query_value() {
    for name in [
        "São Paulo",
        "東京",
        "Москва",
        "🏔️",
        "Paris&count=100#",
        "Paris?language=fr",
        "name=Paris;format=protobuf",
        "../../x",
        "/v1/../../admin",
        "@evil.example",
        "https://evil.example/",
        "%2e%2e%2f%00",
        "a+b c%20d",
        "'; DROP TABLE place; --",
        "\u{202e}siraP",
        "<script>",
    ] {
        let server = healthy_provider().await;
        resolve_one(&client(&server.uri()), name).await.unwrap();

        let requests = requests(&server).await;
        assert_eq!(requests.len(), 1, "{name}");
        let url = &requests[0].url;
        assert_eq!(url.path(), "/v1/search", "{name}");
        assert_eq!(url.fragment(), None, "{name}");
        let query: Vec<_> = url.query_pairs().into_owned().collect();
        let expected = [("name", name), ("count", "50"), ("language", "en"), ("format", "json")];
        assert_eq!(query, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }
}

#[tokio::test]
async fn resolve_folds_white_space_before_it_sends_the_name() {
    let server = healthy_provider().await;
    resolve_one(&client(&server.uri()), " New \u{a0}\t York\n").await.unwrap();
    let requests = requests(&server).await;
    assert_eq!(requests[0].url.query(), Some("name=New+York&count=50&language=en&format=json"));
}

#[tokio::test]
async fn resolve_rejects_empty_long_and_control_character_names_without_a_request() {
    let server = healthy_provider().await;
    let client = client(&server.uri());
    let long = "é".repeat(101);
    let endless = "x".repeat(10_000_000);
    for name in ["", " ", "\t\r\n", "\u{3000}", "Par\0is", "Par\u{1b}[31mis", &long, &endless] {
        let error = client.resolve(name).await.unwrap_err();
        assert!(matches!(error, Error::UnknownPlace), "{error:?}");
    }
    assert_eq!(requests(&server).await.len(), 0);

    client.resolve(&"é".repeat(100)).await.unwrap();
    assert_eq!(requests(&server).await.len(), 1);
}
