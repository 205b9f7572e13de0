//! Summaries without a model: the budget, and turns of the users on the cores.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::json;

use crate::harness::{Answer, Kind, Server, Start, TEST_TIMEOUT, eventually};

/// A budget that no test uses up.
const ENDLESS: &str = "1000000000000";

/// Creates a note. Returns the path of its summaries.
async fn write(server: &Server, token: &str, content: &str) -> String {
    let note = server.post("/notes", token, &json!({ "title": "Garden", "content": content })).await;
    format!("{}/summarize", note.expect(StatusCode::CREATED).header("location"))
}

/// Returns a text of 100,000 characters, which takes long to summarize.
fn long_text(number: usize) -> String {
    let sentences = (0..).map(|week| format!("The garden {number} needs water in week {week}. "));
    sentences.flat_map(|sentence| sentence.chars().collect::<Vec<_>>()).take(100_000).collect()
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn summaries_of_two_users_do_not_keep_a_third_from_its_summary(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let start = Start::on(kind).with("DAYBOOK_AI_TOKENS_PER_USER", ENDLESS);
    let server = Arc::new(start.with("DAYBOOK_AI_TOKENS_PER_DAY", ENDLESS).start().await);
    let is_over = Arc::new(AtomicBool::new(false));
    let mut floods = Vec::new();
    for name in ["ada", "bob"] {
        let token = server.user(name).await;
        // As many as one user may request at once.
        for number in 0..4 {
            let note = write(&server, &token, &long_text(number)).await;
            let (server, token, is_over) = (Arc::clone(&server), token.clone(), Arc::clone(&is_over));
            floods.push(tokio::spawn(async move {
                while !is_over.load(Ordering::SeqCst) {
                    let refresh = json!({ "refresh": true });
                    server.post(&note, &token, &refresh).await.expect(StatusCode::OK);
                }
            }));
        }
    }
    let eve = server.user("eve").await;
    let note = write(&server, &eve, &long_text(5)).await;
    eventually("all of their requests wait", || async {
        server.metric("http_requests_waiting").await >= 7.0
    })
    .await;
    for _ in 0..5 {
        server.post(&note, &eve, &json!({ "refresh": true })).await.expect(StatusCode::OK);
    }
    is_over.store(true, Ordering::SeqCst);
    for flood in floods {
        flood.await.expect("none of their requests was rejected");
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refresh_in_a_loop_ends_at_the_budget(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Start::on(kind).with("DAYBOOK_AI_TOKENS_PER_USER", "10000").start().await;
    let (ada, bob) = (server.user("ada").await, server.user("bob").await);
    let text = "The garden needs water. ".repeat(100);
    let note = write(&server, &ada, &text).await;
    let mut count = 0;
    let refused = loop {
        let answer = server.post(&note, &ada, &json!({ "refresh": true })).await;
        if answer.status != 200 {
            break answer;
        }
        let summary = answer.json();
        assert_eq!((&summary["calls"], &summary["cost_micros"]), (&json!(0), &json!(0)));
        count += 1;
        assert!(count < 100, "the budget has no effect");
    };
    // A note of 2,400 letters and spaces has about 800 tokens.
    assert!((8..=13).contains(&count), "{count}");
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(
        refused.status == 429 && detail.starts_with("The budget for summaries is used up"),
        "{refused:?}"
    );
    assert!(!refused.header("retry-after").is_empty());
    let used = server.get("/users/me/usage", &ada).await.json();
    let tokens = |name: &str| used[0][name].as_i64().unwrap();
    let all = tokens("input_tokens") + tokens("output_tokens");
    assert!((8_000..=10_000).contains(&all), "{used}");
    assert_eq!((tokens("summaries"), tokens("calls"), tokens("cost_micros")), (count, 0, 0));
    assert_eq!(server.query("SELECT SUM(reserved_tokens) FROM usage"), "0");
    // The stored summary needs no tokens, and another user has a budget of its own.
    server.post(&note, &ada, &json!({})).await.expect(StatusCode::OK);
    let other = write(&server, &bob, &text).await;
    server.post(&other, &bob, &json!({})).await.expect(StatusCode::OK);
    // This note does not fit into the budget of any day.
    let longest = write(&server, &bob, &long_text(0)).await;
    server.post(&longest, &bob, &json!({})).await.expect(StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_summary_is_cancelled_when_its_client_disconnects() {
    // More than a user's share of the cores on every machine that runs this test.
    const REQUESTS: usize = 64;

    let start = Start::on(Kind::Sqlite).with("DAYBOOK_AI_TOKENS_PER_USER", ENDLESS);
    let start = start.with("DAYBOOK_AI_TOKENS_PER_DAY", ENDLESS);
    let server =
        start.with("DAYBOOK_AI_PARALLEL_PER_USER", "128").with("DAYBOOK_AI_PARALLEL", "128").start().await;
    let ada = server.user("ada").await;
    let notes = join_all((0..REQUESTS).map(|number| {
        let (server, ada) = (&server, &ada);
        async move { write(server, ada, &long_text(number)).await }
    }));
    let requests: Vec<_> = notes
        .await
        .iter()
        .map(|note| tokio::spawn(Answer::of(server.request(Method::POST, note).bearer_auth(&ada))))
        .collect();
    eventually("most of them wait", || async {
        server.metric("http_requests_waiting").await >= REQUESTS as f64 * 0.75
    })
    .await;
    for request in requests {
        request.abort();
    }
    eventually("none waits", || async { server.metric("http_requests_waiting").await == 0.0 }).await;
    // The queue of a user is FIFO, so the others have run or have left when this one is done.
    let note = write(&server, &ada, "The garden needs water.").await;
    server.post(&note, &ada, &json!({})).await.expect(StatusCode::OK);
    let stored: usize = server.query("SELECT COUNT(*) FROM summaries").parse().unwrap();
    assert!(stored < REQUESTS / 2, "{stored} summaries");
    eventually("the tokens are released", || async {
        server.query("SELECT SUM(reserved_tokens) FROM usage") == "0"
    })
    .await;
}
