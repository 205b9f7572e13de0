//! `POST /notes/{id}/summarize` with `Accept: text/event-stream`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::{Method, Response, StatusCode};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};

use crate::harness::{Answer, Exchange, Kind, ScriptedProvider, Server, Start, TEST_TIMEOUT, eventually};

const KEY: &str = "sk-test-4711";

/// What a provider says of itself is not for users.
const CANARY: &str = "canary-of-the-provider";

fn configured(kind: Kind, provider: &ScriptedProvider) -> Start {
    Start::on(kind).with("OPENAI_SECRET_KEY", KEY).with("OPENAI_BASE_URL", &format!("{}/v1", provider.base))
}

async fn with_note(kind: Kind, provider: &ScriptedProvider) -> (Server, String, String) {
    let server = configured(kind, provider).start().await;
    let token = server.user("ada").await;
    let note = write(&server, &token, "Milk").await;
    (server, token, note)
}

async fn write(server: &Server, token: &str, content: &str) -> String {
    let note = server.post("/notes", token, &json!({ "title": "Groceries", "content": content })).await;
    note.expect(StatusCode::CREATED).header("location").to_owned()
}

fn request(server: &Server, token: &str, note: &str) -> reqwest::RequestBuilder {
    let request = server.request(Method::POST, &format!("{note}/summarize")).bearer_auth(token);
    request.header("accept", "text/event-stream")
}

/// The events of an answer, as they come.
struct Events {
    response: Response,
    text: String,
}

impl Events {
    async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self { response, text: String::new() }
    }

    /// The next event's name and data; none at the end of an answer that has ended in order.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let lines: Vec<_> = event.lines().map(str::to_owned).collect();
                self.text = rest.to_owned();
                // A comment, which keeps the connection open.
                if lines.iter().all(|line| line.starts_with(':')) {
                    continue;
                }
                let [name, data] = &lines[..] else { panic!("{lines:?}") };
                let name = name.strip_prefix("event: ").unwrap().to_owned();
                return Some((name, serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap()));
            }
            match self.response.chunk().await.unwrap() {
                Some(chunk) => self.text.push_str(std::str::from_utf8(&chunk).unwrap()),
                None => {
                    assert_eq!(self.text, "", "half an event");
                    return None;
                }
            }
        }
    }

    async fn all(mut self) -> Vec<(String, Value)> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

fn delta(text: &str) -> (String, Value) {
    ("delta".to_owned(), json!({ "text": text }))
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_summary_is_shown_as_it_is_written(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
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
    // Each piece is here before the next one is written.
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
    // From the store it comes as if it had been written at once.
    let stored = Events::of(request(&server, &token, &note)).await.all().await;
    assert_eq!(stored, [delta("Milk and bread."), ("done".to_owned(), summary)]);
    assert_eq!(provider.calls(), 1);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_later_sees_all_of_it(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
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
    // The first may leave: others still wait.
    drop(first);
    tokio::time::sleep(Duration::from_millis(200)).await;
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
async fn a_client_that_leaves_ends_the_call(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
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
    let patience = Duration::from_secs(30);
    tokio::time::timeout(patience, left.recv())
        .await
        .expect("the provider was left to write for nobody")
        .unwrap();
    let receipts = || async { server.get(&format!("{note}/summaries"), &token).await.json() };
    eventually("a receipt of what was begun", || async { receipts().await.as_array().unwrap().len() == 1 })
        .await;
    let receipt = &receipts().await[0];
    assert_eq!(
        (&receipt["status"], &receipt["text"], &receipt["calls"]),
        (&json!("cancelled"), &json!(""), &json!(1))
    );
    // What the model has thought by then nobody knows: it is booked as the most that it was allowed.
    assert!(receipt["input_tokens"].as_i64().unwrap() > 0, "{receipt}");
    assert_eq!(receipt["output_tokens"], 4_000);
    assert_eq!(server.get(&note, &token).await.json().get("summary"), None);
    let used = &server.get("/users/me/usage", &token).await.json()[0];
    assert_eq!(
        (&used["calls"], &used["summaries"], &used["input_tokens"]),
        (&json!(1), &json!(0), &receipt["input_tokens"])
    );
    assert_eq!(server.query("SELECT reserved_tokens FROM usage_of_all"), "0");
    // The next one begins anew.
    let mut events = Events::of(request(&server, &token, &note)).await;
    assert_eq!(events.next().await, Some(delta("Milk and")));
    drop(events);
    tokio::time::timeout(patience, left.recv())
        .await
        .expect("the provider was left to write for nobody")
        .unwrap();
    assert_eq!(provider.calls(), 2);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_ends_with_its_session(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    // Silent, and still writing.
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
        assert!(rest.len() < 100, "it goes on: {}", rest.len());
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_ends_tells_those_who_wait(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let provider = ScriptedProvider::start(|mut exchange: Exchange| async move {
        exchange.begin().await;
        exchange.delta("Milk").await;
        exchange.until_closed().await;
    })
    .await;
    let start = configured(kind, &provider);
    let mut server = start.start().await;
    let token = server.user("ada").await;
    let note = write(&server, &token, "Milk").await;
    let mut events = Events::of(request(&server, &token, &note)).await;
    assert_eq!(events.next().await, Some(delta("Milk")));
    server.signal("TERM");
    let last = events.all().await;
    assert_eq!((last[0].0.as_str(), &last[0].1["status"]), ("error", &json!(503)), "{last:?}");
    assert_eq!(server.exit_code(Duration::from_secs(60)).await, Some(0));
    assert_eq!(server.query("SELECT reserved_tokens FROM usage_of_all"), "0");
    assert_eq!(server.query("SELECT status FROM summaries"), "cancelled");
}

/// Whoever waits takes nobody's place but their own.
#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_wait_keep_nobody_out(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (begun, mut asked) = mpsc::unbounded_channel();
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
    // As many as may be served at once, but not in one rush.
    for wave in [300, 600, 900, 1_200] {
        waiting.extend((waiting.len()..wave).map(|_| {
            let request = server.request(Method::POST, &path).bearer_auth(&token);
            tokio::spawn(async move { Answer::of(request).await.status })
        }));
        let refused = || server.log().matches("\"status\":429").count();
        eventually("those who are too many are told so", || async { refused() == wave - 64 }).await;
    }
    asked.recv().await.unwrap();
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

/// In a line that nobody ends before the client has it; how fast, is for DAYBOOK_MEASURE=1 and a release build.
#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delta_is_passed_on_at_once(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let measure = std::env::var("DAYBOOK_MEASURE").is_ok();
    let (sent, mut written) = mpsc::unbounded_channel();
    let heard = Arc::new(Notify::new());
    let told = Arc::clone(&heard);
    let provider = ScriptedProvider::start(move |mut exchange: Exchange| {
        let (sent, told) = (sent.clone(), Arc::clone(&told));
        async move {
            exchange.begin().await;
            // By then the client waits for nothing else.
            tokio::time::sleep(Duration::from_millis(20)).await;
            sent.send(Instant::now()).unwrap();
            exchange.delta("Milk").await;
            told.notified().await;
            exchange.finish("response.completed", "Milk", &json!({})).await;
        }
    })
    .await;
    let (server, token, note) = with_note(kind, &provider).await;
    let mut times = Vec::new();
    for _ in 0..if measure { 300 } else { 3 } {
        let mut events = Events::of(request(&server, &token, &note).json(&json!({ "refresh": true }))).await;
        assert_eq!(events.next().await, Some(delta("Milk")));
        times.push(written.recv().await.unwrap().elapsed());
        heard.notify_one();
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
async fn what_hinders_a_stream_is_an_answer_of_its_own(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let provider = ScriptedProvider::start(|mut exchange: Exchange| async move {
        exchange.begin().await;
        let usage = json!({ "input_tokens": 6_000, "output_tokens": 14, "total_tokens": 6_014 });
        exchange.finish("response.completed", "Once.", &json!({ "usage": usage })).await;
    })
    .await;
    let server = configured(kind, &provider).with("DAYBOOK_AI_TOKENS_PER_USER", "10000").start().await;
    let token = server.user("ada").await;
    let long = write(&server, &token, &"Milk ".repeat(2_000)).await;
    let sentence = "The budget for summaries is too small for this note";
    Answer::of(request(&server, &token, &long)).await.expect_detail(StatusCode::FORBIDDEN, sentence);
    let note = write(&server, &token, "Milk").await;
    Answer::of(request(&server, &token, &note)).await.expect(StatusCode::OK);
    let note = write(&server, &token, "Bread").await;
    let refused = Answer::of(request(&server, &token, &note)).await;
    assert_eq!(refused.status, 429, "{refused:?}");
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(
        detail.starts_with("The budget for summaries is used up") && detail.contains("T00:00:00"),
        "{detail}"
    );
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=86_400).contains(&wait), "{wait}");
    assert_eq!(refused.header("content-type"), "application/json");
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
async fn only_who_asks_for_events_gets_them(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
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

/// Both forms against every fault: the status of one, the error of the other, how often the provider was asked, and what was booked.
#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_is_told_in_both_forms(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let provider = ScriptedProvider::start(misbehave).await;
    let start = configured(kind, &provider).with("DAYBOOK_AI_PARALLEL_PER_USER", "100");
    let server = start.with("OPENAI_TIMEOUT", "1s").start().await;
    let token = server.user("ada").await;
    let mut before = 0;
    for (fault, status, detail, calls, receipt) in FAULTS {
        for streamed in [false, true] {
            let note = write(&server, &token, fault).await;
            let (told, said) = if streamed {
                let events = Events::of(request(&server, &token, &note)).await.all().await;
                let (name, data) = events.last().unwrap().clone();
                assert_eq!(name, "error", "{fault}: {events:?}");
                (data["status"].as_u64().unwrap(), data["detail"].as_str().unwrap().to_owned())
            } else {
                let answer = server.post(&format!("{note}/summarize"), &token, &json!({})).await;
                (u64::from(answer.status), answer.json()["detail"].as_str().unwrap().to_owned())
            };
            let place = format!("{fault}, {}", if streamed { "streamed" } else { "in one piece" });
            assert_eq!((told, said.as_str()), (status, detail), "{place}");
            assert_eq!(provider.calls() - before, calls, "{place}");
            before = provider.calls();
            let receipts = server.get(&format!("{note}/summaries"), &token).await.json();
            let kept: Vec<_> =
                receipts.as_array().unwrap().iter().map(|kept| kept["status"].as_str().unwrap()).collect();
            assert_eq!(kept, Vec::from_iter(receipt), "{place}");
            assert_eq!(server.get(&note, &token).await.json().get("summary"), None, "{place}");
        }
    }
    assert_eq!(server.query("SELECT reserved_tokens FROM usage_of_all"), "0", "nothing stays set aside");
    let log = server.log();
    assert!(!log.contains(CANARY) && !log.contains(KEY), "the log tells too much");
}

const NONE_GIVEN: &str = "The AI provider did not give a summary";
const NOT_THERE: &str = "The AI provider is not available";
const TOO_SLOW: &str = "The AI provider did not answer in time";
const BUSY: &str = "The service is busy, try again shortly";

/// Fault, status, sentence, calls with the client's two retries, and the status of the receipt where a model has been at work.
const FAULTS: [(&str, u64, &str, usize, Option<&str>); 19] = [
    ("silence", 504, TOO_SLOW, 1, Some("failed")),
    ("stall", 504, TOO_SLOW, 1, Some("failed")),
    ("half an event", 502, NOT_THERE, 1, Some("failed")),
    ("bad JSON", 502, NONE_GIVEN, 1, Some("failed")),
    ("429", 503, BUSY, 3, None),
    ("429, retry after an hour", 503, BUSY, 1, None),
    ("429, quota", 502, "This service's quota at the AI provider is used up", 1, None),
    ("401", 502, "The AI provider refuses this service's key", 1, None),
    ("500", 502, NOT_THERE, 3, None),
    ("reset", 502, NOT_THERE, 1, Some("failed")),
    ("truncated", 502, NOT_THERE, 1, Some("failed")),
    ("incomplete", 502, NONE_GIVEN, 1, Some("incomplete")),
    ("failed", 502, NONE_GIVEN, 1, Some("failed")),
    ("an error event", 502, NONE_GIVEN, 1, Some("failed")),
    ("refusal", 502, "The AI provider refuses to summarise this note", 1, Some("refused")),
    ("10 MB in one line", 502, NONE_GIVEN, 1, Some("failed")),
    ("redirect", 502, NONE_GIVEN, 1, None),
    ("nothing but white space", 502, NONE_GIVEN, 1, Some("failed")),
    ("HTML", 502, NONE_GIVEN, 1, Some("failed")),
];

fn rejection(status: &str, header: &str, code: &str) -> String {
    let body = json!({ "error": { "code": code, "message": format!("{CANARY} {KEY}") } }).to_string();
    format!("HTTP/1.1 {status}\r\nconnection: close\r\n{header}content-length: {}\r\n\r\n{body}", body.len())
}

/// The note says how.
async fn misbehave(mut exchange: Exchange) {
    let fault = exchange.data()["content"].as_str().unwrap().to_owned();
    let rejected = match fault.as_str() {
        "429" => rejection("429 Too Many Requests", "", "rate_limit_exceeded"),
        "429, retry after an hour" => {
            rejection("429 Too Many Requests", "retry-after: 3600\r\n", "rate_limit_exceeded")
        }
        "429, quota" => rejection("429 Too Many Requests", "", "insufficient_quota"),
        "401" => rejection("401 Unauthorized", "", "invalid_api_key"),
        "500" => rejection("500 Internal Server Error", "", "server_error"),
        "redirect" => rejection("307 Temporary Redirect", "location: http://127.0.0.1:9/\r\n", "moved"),
        "HTML" => {
            format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/html\r\n\r\n<p>{CANARY}")
        }
        _ => String::new(),
    };
    if fault == "silence" {
        exchange.until_closed().await;
        return;
    }
    if !rejected.is_empty() {
        exchange.send(&rejected).await;
        return;
    }
    exchange.begin().await;
    match fault.as_str() {
        "half an event" => {
            exchange.send("event: response.output_text.delta\ndata: {\"type\":\"response.output_").await;
        }
        "bad JSON" => {
            exchange.send(&format!("data: {{'{CANARY}\n\n")).await;
        }
        // Long after its timeout the client is gone, and there is nobody to talk to.
        "stall" => {
            exchange.delta("Milk").await;
            exchange.until_closed().await;
        }
        "reset" => {
            exchange.delta("Milk").await;
            exchange.reset();
        }
        "truncated" => {
            exchange.delta("Milk and bread.").await;
        }
        "incomplete" => {
            exchange.delta("Milk and").await;
            let details =
                json!({ "status": "incomplete", "incomplete_details": { "reason": "max_output_tokens" } });
            exchange.finish("response.incomplete", "Milk and", &details).await;
        }
        "failed" => {
            let error = json!({ "status": "failed", "error": { "code": "server_error", "message": CANARY } });
            exchange.finish("response.failed", "", &error).await;
        }
        "an error event" => {
            let data = json!({ "type": "error", "code": "server_error", "message": CANARY });
            exchange.send(&format!("event: error\ndata: {data}\n\n")).await;
        }
        "refusal" => {
            let output =
                json!([{ "type": "message", "content": [{ "type": "refusal", "refusal": CANARY }] }]);
            exchange.finish("response.completed", "", &json!({ "output": output })).await;
        }
        "10 MB in one line" => {
            exchange.send("data: ").await;
            exchange.send(&"x".repeat(10_000_000)).await;
        }
        "nothing but white space" => exchange.finish("response.completed", " \n\u{202e}", &json!({})).await,
        other => panic!("{other}"),
    }
}
