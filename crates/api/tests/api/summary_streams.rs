//! `POST /notes/{id}/summarize` with `Accept: text/event-stream`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};

use crate::harness::{
    Answer, Events, Exchange, Kind, ScriptedProvider, Server, Start, TEST_TIMEOUT, eventually,
};

/// Starts a service with this provider. Returns the token of a user and the path of the only note.
async fn with_note(kind: Kind, provider: &ScriptedProvider) -> (Server, String, String) {
    let server = Start::on(kind).with_provider(&provider.base).start().await;
    let token = server.user("ada").await;
    let note = write_note(&server, &token, "Milk").await;
    (server, token, note)
}

/// Creates a note. Returns its path.
pub(crate) async fn write_note(server: &Server, token: &str, content: &str) -> String {
    let note = server.post("/notes", token, &json!({ "title": "Groceries", "content": content })).await;
    note.expect(StatusCode::CREATED).header("location").to_owned()
}

/// Builds a request for a streamed summary.
pub(crate) fn request(server: &Server, token: &str, note: &str) -> reqwest::RequestBuilder {
    let request = server.request(Method::POST, &format!("{note}/summarize")).bearer_auth(token);
    request.header("accept", "text/event-stream")
}

/// Returns the event with this piece of text.
fn delta(text: &str) -> (String, Value) {
    ("delta".to_owned(), json!({ "text": text }))
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stream_sends_each_delta_as_it_is_written(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let go = Arc::new(Notify::new());
    let cue = Arc::clone(&go);
    let provider = ScriptedProvider::start(move |mut exchange: Exchange| {
        let go = Arc::clone(&cue);
        async move {
            exchange.begin().await;
            exchange.delta(" \n Milk\u{202e} ").await;
            go.notified().await;
            exchange.delta("and\u{0} bread. ").await;
            go.notified().await;
            exchange.finish("response.completed", " \n Milk\u{202e} and\u{0} bread. ", &json!({})).await;
        }
    })
    .await;
    let (server, token, note) = with_note(kind, &provider).await;
    let mut events = Events::of(request(&server, &token, &note)).await;
    // Each piece arrives before the provider writes the next one.
    assert_eq!(events.next().await, Some(delta("Milk ")));
    assert_eq!(server.get(&note, &token).await.json().get("summary"), None);
    go.notify_one();
    assert_eq!(events.next().await, Some(delta("and bread. ")));
    go.notify_one();
    let (name, summary) = events.next().await.unwrap();
    assert_eq!(
        (name.as_str(), &summary["text"], &summary["status"]),
        ("done", &json!("Milk and bread."), &json!("completed"))
    );
    assert_eq!(events.next().await, None);
    assert_eq!(server.get(&note, &token).await.json()["summary"], summary);
    // A stored summary is streamed as one piece.
    let stored = Events::of(request(&server, &token, &note)).await.all().await;
    assert_eq!(stored, [delta("Milk and bread."), ("done".to_owned(), summary)]);
    assert_eq!(provider.calls(), 1);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stream_joined_later_begins_with_the_text_so_far(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let go = Arc::new(Notify::new());
    let cue = Arc::clone(&go);
    let provider = ScriptedProvider::start(move |mut exchange: Exchange| {
        let go = Arc::clone(&cue);
        async move {
            exchange.begin().await;
            exchange.delta("Milk ").await;
            go.notified().await;
            exchange.delta("and bread.").await;
            exchange.finish("response.completed", "Milk and bread.", &json!({})).await;
        }
    })
    .await;
    let (server, token, note) = with_note(kind, &provider).await;
    let mut first = Events::of(request(&server, &token, &note)).await;
    assert_eq!(first.next().await, Some(delta("Milk ")));
    let mut second = Events::of(request(&server, &token, &note)).await;
    assert_eq!(second.next().await, Some(delta("Milk ")));
    let whole = server.request(Method::POST, &format!("{note}/summarize")).bearer_auth(&token);
    let whole = tokio::spawn(Answer::of(whole));
    eventually("a third client that waits", || async { server.metric("http_requests_waiting").await == 1.0 })
        .await;
    // The first client disconnects. The call continues, because the other clients still wait.
    let connections = server.open_connections();
    drop(first);
    eventually("the end of the first connection", || async { server.open_connections() < connections }).await;
    go.notify_one();
    let events = second.all().await;
    assert_eq!(events[0], delta("and bread."));
    assert_eq!(events[1].0, "done");
    assert_eq!(whole.await.unwrap().expect(StatusCode::OK).json(), events[1].1);
    assert_eq!(provider.calls(), 1);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stream_cancels_the_call_when_the_client_disconnects(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let (report, mut left) = mpsc::unbounded_channel();
    let provider = ScriptedProvider::start(move |mut exchange: Exchange| {
        let report = report.clone();
        async move {
            exchange.begin().await;
            exchange.delta("Milk and").await;
            exchange.until_closed().await;
            report.send(Instant::now()).unwrap();
        }
    })
    .await;
    let (server, token, note) = with_note(kind, &provider).await;
    let mut events = Events::of(request(&server, &token, &note)).await;
    assert_eq!(events.next().await, Some(delta("Milk and")));
    drop(events);
    let limit = Duration::from_secs(30);
    tokio::time::timeout(limit, left.recv()).await.expect("the call to the provider is cancelled").unwrap();
    let receipts = || async { server.get(&format!("{note}/summaries"), &token).await.json() };
    eventually("a receipt of the cancelled call", || async {
        receipts().await.as_array().unwrap().len() == 1
    })
    .await;
    let receipt = &receipts().await[0];
    assert_eq!(
        (&receipt["status"], &receipt["text"], &receipt["calls"]),
        (&json!("cancelled"), &json!(""), &json!(1))
    );
    // The provider has not reported the used tokens, so the maximum of the output is charged.
    assert!(receipt["input_tokens"].as_i64().unwrap() > 0, "{receipt}");
    assert_eq!(receipt["output_tokens"], 4_000);
    assert_eq!(server.get(&note, &token).await.json().get("summary"), None);
    let used = &server.get("/users/me/usage", &token).await.json()[0];
    assert_eq!(
        (&used["calls"], &used["summaries"], &used["input_tokens"]),
        (&json!(1), &json!(0), &receipt["input_tokens"])
    );
    assert_eq!(server.query("SELECT reserved_tokens FROM usage_of_all"), "0");
    // The next request starts a new call.
    let mut events = Events::of(request(&server, &token, &note)).await;
    assert_eq!(events.next().await, Some(delta("Milk and")));
    drop(events);
    tokio::time::timeout(limit, left.recv()).await.expect("the call to the provider is cancelled").unwrap();
    assert_eq!(provider.calls(), 2);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stream_ends_with_its_session(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    // The first provider sends nothing more, and the second keeps writing.
    for writes in [false, true] {
        let provider = ScriptedProvider::start(move |mut exchange: Exchange| async move {
            exchange.begin().await;
            while exchange.delta("Milk. ").await && writes {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            exchange.until_closed().await;
        })
        .await;
        let (server, token, note) = with_note(kind, &provider).await;
        let mut events = Events::of(request(&server, &token, &note)).await;
        assert_eq!(events.next().await.unwrap().0, "delta");
        server.post("/auth/logout", &token, &json!({})).await.expect(StatusCode::NO_CONTENT);
        let rest =
            tokio::time::timeout(Duration::from_secs(30), events.all()).await.expect("the stream ends");
        let (name, data) = rest.last().unwrap();
        assert_eq!((name.as_str(), &data["status"]), ("error", &json!(401)), "{rest:?}");
        assert!(rest.len() < 100, "the stream continued after the logout: {}", rest.len());
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stream_ends_with_an_error_on_shutdown(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let provider = ScriptedProvider::start(|mut exchange: Exchange| async move {
        exchange.begin().await;
        exchange.delta("Milk").await;
        exchange.until_closed().await;
    })
    .await;
    let start = Start::on(kind).with_provider(&provider.base);
    let mut server = start.start().await;
    let token = server.user("ada").await;
    let note = write_note(&server, &token, "Milk").await;
    let mut events = Events::of(request(&server, &token, &note)).await;
    assert_eq!(events.next().await, Some(delta("Milk")));
    server.signal("TERM");
    let last = events.all().await;
    assert_eq!((last[0].0.as_str(), &last[0].1["status"]), ("error", &json!(503)), "{last:?}");
    assert_eq!(server.exit_code(Duration::from_secs(60)).await, Some(0));
    assert_eq!(server.query("SELECT reserved_tokens FROM usage_of_all"), "0");
    assert_eq!(server.query("SELECT status FROM summaries"), "cancelled");
}

/// Requests that wait for a summary do not count towards the limit of concurrent requests.
#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_wait_for_a_summary_do_not_block_other_users(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let (begun, mut called) = mpsc::unbounded_channel();
    let open = Arc::new(Notify::new());
    let gate = Arc::clone(&open);
    let provider = ScriptedProvider::start(move |mut exchange: Exchange| {
        let (begun, gate) = (begun.clone(), Arc::clone(&gate));
        async move {
            begun.send(()).unwrap();
            gate.notified().await;
            exchange.answer("A list.").await;
        }
    })
    .await;
    let (server, token, note) = with_note(kind, &provider).await;
    let bob = server.user("bob").await;
    let path = format!("{note}/summarize");
    let mut waiting = Vec::new();
    // The test sends more requests than the service serves at once, in waves.
    for wave in [300, 600, 900, 1_200] {
        waiting.extend((waiting.len()..wave).map(|_| {
            let request = server.request(Method::POST, &path).bearer_auth(&token);
            tokio::spawn(async move { Answer::of(request).await.status })
        }));
        let rejected = || server.log().matches("\"status\":429").count();
        eventually("all but 64 requests are rejected", || async { rejected() == wave - 64 }).await;
    }
    called.recv().await.unwrap();
    server.get("/notes", &bob).await.expect(StatusCode::OK);
    server.login("bob").await;
    let mut statuses = [0, 0];
    open.notify_one();
    for answer in waiting {
        let status = answer.await.unwrap();
        assert!([200, 429].contains(&status), "{status}");
        statuses[usize::from(status == 200)] += 1;
    }
    assert_eq!(statuses, [1_200 - 64, 64]);
    assert_eq!(provider.calls(), 1);
}

/// The provider sends the rest only after the client has received the delta.
///
/// The test checks the time only with DAYBOOK_MEASURE=1, for a release build.
#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stream_passes_each_delta_on_at_once(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let measure = std::env::var("DAYBOOK_MEASURE").is_ok();
    let (sent, mut written) = mpsc::unbounded_channel();
    let (ready, received) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let signals = (Arc::clone(&ready), Arc::clone(&received));
    let provider = ScriptedProvider::start(move |mut exchange: Exchange| {
        let (sent, (ready, received)) = (sent.clone(), signals.clone());
        async move {
            exchange.begin().await;
            ready.notified().await;
            sent.send(Instant::now()).unwrap();
            exchange.delta("Milk").await;
            received.notified().await;
            exchange.finish("response.completed", "Milk", &json!({})).await;
        }
    })
    .await;
    let (server, token, note) = with_note(kind, &provider).await;
    let mut times = Vec::new();
    for _ in 0..if measure { 300 } else { 3 } {
        let mut events = Events::of(request(&server, &token, &note).json(&json!({ "refresh": true }))).await;
        // The client already has the head of the response, so the test measures only the delta.
        ready.notify_one();
        assert_eq!(events.next().await, Some(delta("Milk")));
        times.push(written.recv().await.unwrap().elapsed());
        received.notify_one();
        assert_eq!(events.all().await.last().unwrap().0, "done");
    }
    times.sort();
    let median = times[times.len() / 2];
    println!(
        "{kind:?}: from the provider's first delta to the client: median {median:?}, most {:?}",
        times.last()
    );
    assert!(!measure || median <= Duration::from_millis(5), "{times:?}");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stream_rejected_before_it_begins_is_a_plain_error(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let provider = ScriptedProvider::start(|mut exchange: Exchange| async move {
        exchange.begin().await;
        let usage = json!({ "input_tokens": 6_000, "output_tokens": 14, "total_tokens": 6_014 });
        exchange.finish("response.completed", "Once.", &json!({ "usage": usage })).await;
    })
    .await;
    let server = Start::on(kind)
        .with_provider(&provider.base)
        .with("DAYBOOK_AI_TOKENS_PER_USER", "10000")
        .start()
        .await;
    let token = server.user("ada").await;
    let long = write_note(&server, &token, &"Milk ".repeat(2_000)).await;
    let sentence = "The budget for summaries is too small for this note";
    Answer::of(request(&server, &token, &long)).await.expect_detail(StatusCode::FORBIDDEN, sentence);
    let note = write_note(&server, &token, "Milk").await;
    Answer::of(request(&server, &token, &note)).await.expect(StatusCode::OK);
    let note = write_note(&server, &token, "Bread").await;
    let rejected = Answer::of(request(&server, &token, &note)).await;
    assert_eq!(rejected.status, 429, "{rejected:?}");
    let detail = rejected.json()["detail"].as_str().unwrap().to_owned();
    assert!(
        detail.starts_with("The budget for summaries is used up") && detail.contains("T00:00:00"),
        "{detail}"
    );
    let wait: u64 = rejected.header("retry-after").parse().unwrap();
    assert!((1..=86_400).contains(&wait), "{wait}");
    assert_eq!(rejected.header("content-type"), "application/json");
    Answer::of(request(&server, &token, "/notes/999"))
        .await
        .expect_detail(StatusCode::NOT_FOUND, "Note not found");
    assert_eq!(Answer::of(request(&server, "", &note)).await.status, 401);
    assert!(
        !Answer::of(request(&server, &token, &note).json(&json!({ "length": "tiny" })))
            .await
            .issues()
            .is_empty()
    );
    assert_eq!(provider.calls(), 1);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accept_header_selects_stream_or_json(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let provider =
        ScriptedProvider::start(|mut exchange: Exchange| async move { exchange.answer("A list.").await })
            .await;
    let (server, token, note) = with_note(kind, &provider).await;
    for (accept, events) in [
        ("*/*", false),
        ("application/json", false),
        ("text/event-stream;q=0, application/json", false),
        ("text/event-stream;q=0.0", false),
        ("text/event-stream;Q=0.000", false),
        ("TEXT/Event-Stream", true),
        ("application/json, text/event-stream;q=0.5", true),
    ] {
        let request = server.request(Method::POST, &format!("{note}/summarize")).bearer_auth(&token);
        let answer = Answer::of(request.header("accept", accept)).await.expect(StatusCode::OK);
        let wanted = if events { "text/event-stream" } else { "application/json" };
        assert_eq!(answer.header("content-type"), wanted, "{accept}");
    }
}
