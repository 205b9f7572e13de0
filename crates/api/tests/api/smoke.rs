//! The main features in one test: an account, a note with its summary, a task with the weather.

use reqwest::StatusCode;
use rstest::rstest;
use serde_json::json;

use crate::harness::{Kind, Start, TEST_TIMEOUT, provider, weather};

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_account_gets_a_summary_and_the_weather(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (provider, weather) = (provider::summarizing("A list.").await, weather::of_lisbon().await);
    let server = Start::on(kind)
        .with_provider(&provider.uri())
        .with_weather(&weather.uri(), &weather.uri())
        .start()
        .await;
    let token = server.user("ada").await;
    let note = server.post("/notes", &token, &json!({ "title": "Groceries", "content": "Milk" })).await;
    let note = note.expect(StatusCode::CREATED);
    assert_eq!(note.header("location"), "/notes/1");
    assert_eq!(note.json().get("summary"), None);
    let summary = server.post("/notes/1/summarize", &token, &json!({})).await.expect(StatusCode::OK).json();
    assert_eq!(summary["text"], "A list.");
    assert_eq!(summary["stale"], false);
    let read = server.get("/notes/1", &token).await.json();
    assert_eq!(read["summary"], summary);
    let changed = server.patch("/notes/1", &token, &json!({ "content": "Bread" })).await.json();
    assert_eq!(changed["summary"]["stale"], true);
    let task = json!({ "title": "Paint", "content": "", "city": "Lisbon" });
    server.post("/tasks", &token, &task).await.expect(StatusCode::CREATED);
    let task = server.get("/tasks/1", &token).await.expect(StatusCode::OK).json();
    assert_eq!(task["weather"]["current"]["temperature_celsius"], 21.5);
    assert_eq!(task["weather"]["place"]["country"], "Portugal");
    assert_eq!(task.get("weather_error"), None);
}
