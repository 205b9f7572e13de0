//! Neither `Debug` nor an error contains the key.

use daybook_ai_client::{ApiKey, Request};
use serde_json::json;

use crate::support::{KEY, ask, builder, completed, ok, rejection, server};

#[track_caller]
fn assert_hidden(text: &str) {
    assert!(!text.contains("canary"), "the key is shown: {text}");
}

#[tokio::test]
async fn debug_redacts_the_key() {
    let client = builder("http://localhost:1").build().unwrap();
    assert_hidden(&format!("{:?}", ApiKey::new(KEY).unwrap()));
    assert_hidden(&format!("{client:?} {client:#?}"));
    assert_hidden(&format!("{:?}", Request::new("m", "a note")));
    assert_hidden(&format!("{:?}", ApiKey::new(format!("{KEY}\n")).unwrap_err()));
}

#[tokio::test]
async fn debug_and_errors_omit_the_query_of_the_base_url() {
    let base = format!("http://localhost:1/v1?key={KEY}").parse().unwrap();
    let client = builder("http://localhost:1").base_url(base).max_retries(0).build().unwrap();
    assert_hidden(&format!("{client:?}"));
    let error = client.create(&Request::new("m", "a note")).await.unwrap_err();
    assert_hidden(&format!("{error:?} {error}"));
}

#[tokio::test]
async fn errors_omit_a_key_that_the_provider_echoes() {
    let echo = format!("Incorrect API key provided: {KEY}.");
    let failed = json!({ "status": "failed", "error": { "code": KEY, "message": echo } });
    let mut refused = completed("");
    refused["output"][0]["content"] = json!([{ "type": "refusal", "refusal": echo }]);
    let responses = [
        rejection(401, KEY, &echo).insert_header("x-request-id", KEY),
        rejection(400, KEY, &echo),
        rejection(429, KEY, &echo),
        rejection(429, "insufficient_quota", &echo),
        rejection(501, KEY, &echo),
        ok(failed),
        ok(refused),
    ];
    for template in responses {
        let server = server(template.insert_header("x-should-retry", "false"), 1).await;
        let error = ask(&server.uri()).await.unwrap_err();
        let (debug, display) = (format!("{error:?}"), error.to_string());
        assert_hidden(&debug);
        assert_hidden(&display);
        assert!(debug.contains("[key]"), "the message is lost: {debug}");
    }
}
