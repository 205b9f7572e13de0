//! The quotas of items and bytes of each user.

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::{Answer, Kind, Server, Start, TEST_TIMEOUT, eventually, provider};
use crate::openapi::resolve;
use crate::summaries::{requests_to, summarize};

const MIB: usize = 1024 * 1024;

/// Returns a configuration with these quotas. They also hold while the rate limits are off.
fn with_quotas(kind: Kind, items: &str, bytes: &str) -> Start {
    let start = Start::on(kind).with("DAYBOOK_RATE_LIMIT", "off");
    start.with("DAYBOOK_ITEMS_PER_USER", items).with("DAYBOOK_BYTES_PER_USER", bytes)
}

/// Returns a text with this number of bytes, and at most 100,000 characters.
fn text(bytes: usize) -> String {
    "🎂".repeat(bytes / 4) + &"a".repeat(bytes % 4)
}

fn note(content: &str) -> Value {
    json!({ "title": "t", "content": content })
}

fn task(content: &str) -> Value {
    json!({ "title": "t", "content": content, "city": "" })
}

#[track_caller]
fn assert_out_of_items(answer: Answer, quota: u64) {
    let sentence = format!("Your account may store at most {quota} notes and tasks");
    answer.expect_detail(StatusCode::FORBIDDEN, &sentence);
}

#[track_caller]
fn assert_out_of_bytes(answer: Answer) {
    let sentence = "Your account may store at most 1048576 bytes of text";
    answer.expect_detail(StatusCode::FORBIDDEN, sentence);
}

/// Creates a note and returns its path.
async fn create(server: &Server, token: &str, content: &str) -> String {
    let answer = server.post("/notes", token, &note(content)).await.expect(StatusCode::CREATED);
    answer.header("location").to_owned()
}

/// Creates notes until all texts together have this number of bytes. Returns the path of the last.
async fn fill(server: &Server, token: &str, mut bytes: usize) -> String {
    let mut last = String::new();
    while bytes > 0 {
        // Each note has a title of one byte.
        let size = bytes.min(400_001);
        last = create(server, token, &text(size - 1)).await;
        bytes -= size;
    }
    last
}

/// Returns the number of notes and tasks in the database.
fn items(server: &Server) -> u64 {
    let count = "SELECT (SELECT count(*) FROM notes) + (SELECT count(*) FROM tasks)";
    server.query(count).parse().unwrap()
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn create_is_rejected_beyond_the_quota_of_items(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let start = with_quotas(kind, "3", "1MiB");
    let server = start.start().await;
    let (ada, bob) = (server.user("ada").await, server.user("bob").await);
    let first = create(&server, &ada, "1").await;
    server.post("/tasks", &ada, &task("2")).await.expect(StatusCode::CREATED);
    create(&server, &ada, "3").await;
    for _ in 0..3 {
        assert_out_of_items(server.post("/notes", &ada, &note("4")).await, 3);
        assert_out_of_items(server.post("/tasks", &ada, &task("4")).await, 3);
    }
    // A full account can still be read and changed, and invalid bodies have their own errors.
    server.get("/notes", &ada).await.expect(StatusCode::OK);
    server.patch(&first, &ada, &json!({ "content": "longer than before" })).await.expect(StatusCode::OK);
    server.post("/notes", &ada, &json!({})).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    create(&server, &bob, "of another user").await;
    // A deletion makes room at once.
    for content in ["4", "5", "6"] {
        let newest = server.get("/notes", &ada).await.json()[0]["id"].to_string();
        server.delete(&format!("/notes/{newest}"), &ada).await.expect(StatusCode::NO_CONTENT);
        create(&server, &ada, content).await;
        assert_out_of_items(server.post("/notes", &ada, &note("too many")).await, 3);
    }
    server.delete("/tasks/1", &ada).await.expect(StatusCode::NO_CONTENT);
    server.post("/tasks", &ada, &task("7")).await.expect(StatusCode::CREATED);
    // The account is still full after a restart.
    drop(server);
    let server = start.start().await;
    assert_out_of_items(server.post("/tasks", &ada, &task("8")).await, 3);
    assert_eq!(items(&server), 4);
}

#[rstest]
#[case(10)]
#[case(50)]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_creates_fill_an_account_exactly(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[case] quota: u64,
) {
    let server = with_quotas(kind, &quota.to_string(), "2GiB").start().await;
    let ada = server.user("ada").await;
    let answers = join_all((0..64).map(|number| {
        let (path, body) = match number % 2 {
            0 => ("/notes", note("c")),
            _ => ("/tasks", task("c")),
        };
        let request = server.request(Method::POST, path).bearer_auth(&ada).json(&body);
        tokio::spawn(Answer::of(request))
    }))
    .await;
    let mut created = 0;
    for answer in answers.into_iter().map(Result::unwrap) {
        match answer.status {
            201 => created += 1,
            _ => assert_out_of_items(answer, quota),
        }
    }
    assert_eq!((created, items(&server)), (quota, quota));
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notes_fill_the_quota_of_bytes_exactly(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let start = with_quotas(kind, "1000000", "1MiB");
    let server = start.start().await;
    let (ada, bob) = (server.user("ada").await, server.user("bob").await);
    fill(&server, &ada, MIB - 100_001).await;
    assert_out_of_bytes(server.post("/notes", &ada, &note(&text(100_001))).await);
    assert_out_of_bytes(server.post("/tasks", &ada, &task(&text(100_001))).await);
    let last = create(&server, &ada, &text(100_000)).await;
    let server = match kind {
        // The first write of a process also knows the size of the row that it replaces.
        Kind::Sqlite => {
            drop(server);
            start.start().await
        }
        Kind::Postgres => server,
    };
    assert_out_of_bytes(server.post("/notes", &ada, &note("")).await);
    assert_out_of_bytes(server.patch(&last, &ada, &json!({ "title": "tt" })).await);
    assert_out_of_bytes(server.patch(&last, &ada, &note(&text(100_001))).await);
    assert_out_of_bytes(server.put(&last, &ada, &note(&text(100_001))).await);
    // A change that adds no bytes is possible.
    let same = [
        json!({}),
        json!({ "title": "T" }),
        json!({ "content": text(100_000) }),
        json!({ "title": "tt", "content": text(99_999) }),
        note(&text(100_000)),
    ];
    for body in same {
        server.patch(&last, &ada, &body).await.expect(StatusCode::OK);
    }
    server.put(&last, &ada, &note(&text(100_000))).await.expect(StatusCode::OK);
    // A missing note and a note of another user are the same 404 as before.
    let foreign = create(&server, &bob, "of another user").await;
    for path in ["/notes/999", foreign.as_str()] {
        let answer = server.patch(path, &ada, &note(&text(100_000))).await;
        answer.expect_detail(StatusCode::NOT_FOUND, "Note not found");
    }
    // A shorter text makes room at once.
    server.patch(&last, &ada, &note(&text(99_990))).await.expect(StatusCode::OK);
    assert_out_of_bytes(server.put(&last, &ada, &note(&text(100_001))).await);
    create(&server, &ada, &text(9)).await;
    assert_out_of_bytes(server.post("/notes", &ada, &note("")).await);
    server.delete(&last, &ada).await.expect(StatusCode::NO_CONTENT);
    create(&server, &ada, &text(99_990)).await;
    assert_out_of_bytes(server.post("/notes", &ada, &note("")).await);
    let bytes = match kind {
        // The SQLite of the system may have no `octet_length`.
        Kind::Sqlite => "length(CAST(title || content AS BLOB))",
        Kind::Postgres => "octet_length(title || content)",
    };
    let bytes = server.query(&format!("SELECT sum({bytes}) FROM notes WHERE user_id = 1"));
    assert_eq!(bytes, MIB.to_string());
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_of_a_full_account_cannot_grow(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = with_quotas(kind, "1000000", "1MiB").start().await;
    let ada = server.user("ada").await;
    let created = server.post("/tasks", &ada, &task(&text(100_000))).await.expect(StatusCode::CREATED);
    let path = created.header("location").to_owned();
    fill(&server, &ada, MIB - 100_001).await;
    assert_out_of_bytes(server.put(&path, &ada, &task(&text(100_001))).await);
    assert_out_of_bytes(server.patch(&path, &ada, &json!({ "title": "tt" })).await);
    server.put(&path, &ada, &task(&text(100_000))).await.expect(StatusCode::OK);
    // A due date is no text.
    server.patch(&path, &ada, &json!({ "due_date": "2026-11-23" })).await.expect(StatusCode::OK);
    server.patch(&path, &ada, &json!({ "content": text(99_999) })).await.expect(StatusCode::OK);
    server.patch(&path, &ada, &json!({ "title": "tt" })).await.expect(StatusCode::OK);
    assert_out_of_bytes(server.patch(&path, &ada, &json!({ "title": "ttt" })).await);
    let missing = server.patch("/tasks/999", &ada, &json!({ "title": "ttt" })).await;
    missing.expect_detail(StatusCode::NOT_FOUND, "Task not found");
    server.delete(&path, &ada).await.expect(StatusCode::NO_CONTENT);
    server.post("/tasks", &ada, &task(&text(100_000))).await.expect(StatusCode::CREATED);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_smaller_quota_keeps_what_is_stored(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let start = with_quotas(kind, "1000000", "2GiB");
    let server = start.start().await;
    let ada = server.user("ada").await;
    let last = fill(&server, &ada, 2 * MIB).await;
    drop(server);
    let server = start.with("DAYBOOK_BYTES_PER_USER", "1MiB").start().await;
    assert_out_of_bytes(server.post("/notes", &ada, &note("")).await);
    assert_out_of_bytes(server.patch(&last, &ada, &json!({ "title": "tt" })).await);
    server.patch(&last, &ada, &json!({ "content": "short" })).await.expect(StatusCode::OK);
    server.get(&last, &ada).await.expect(StatusCode::OK);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn summarize_is_rejected_before_the_provider_is_asked(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let provider = provider::summarizing("A list.").await;
    let server = with_quotas(kind, "1000000", "1MiB").with_provider(&provider.uri()).start().await;
    let ada = server.user("ada").await;
    let (first, second) = (create(&server, &ada, "Milk").await, create(&server, &ada, "Bread").await);
    summarize(&server, &ada, &first).await.expect(StatusCode::OK);
    // The summary counts as its text and 512 bytes. Two titles and contents have 11 bytes.
    let used = 11 + "A list.".len() + 512;
    fill(&server, &ada, MIB - used - 32_511).await;
    assert_out_of_bytes(summarize(&server, &ada, &second).await);
    let request = server.request(Method::POST, &format!("{second}/summarize")).bearer_auth(&ada);
    assert_out_of_bytes(Answer::of(request.header("accept", "text/event-stream")).await);
    assert_eq!(requests_to(&provider).await, 1);
    // The stored summary needs no room.
    summarize(&server, &ada, &first).await.expect(StatusCode::OK);
    assert_out_of_bytes(server.post("/notes", &ada, &note(&text(32_511))).await);
    let last = create(&server, &ada, &text(32_510)).await;
    assert_out_of_bytes(server.post("/notes", &ada, &note("")).await);
    server.delete(&last, &ada).await.expect(StatusCode::NO_CONTENT);
    server.patch(&second, &ada, &json!({ "title": "tt", "content": "" })).await.expect(StatusCode::OK);
    summarize(&server, &ada, &second).await.expect(StatusCode::OK);
    assert_eq!(requests_to(&provider).await, 2);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances_exceed_a_quota_by_at_most_two_sixteenths(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    const QUOTA: u64 = 32;
    let start = with_quotas(kind, &QUOTA.to_string(), "2GiB");
    let (one, other) = (start.start().await, start.start().await);
    let ada = one.user("ada").await;
    let answers = join_all((0..160).map(|number| {
        let server = if number % 2 == 0 { &one } else { &other };
        let request = server.request(Method::POST, "/notes").bearer_auth(&ada).json(&note("c"));
        tokio::spawn(Answer::of(request))
    }))
    .await;
    for answer in answers.into_iter().map(Result::unwrap).filter(|answer| answer.status != 201) {
        assert_out_of_items(answer, QUOTA);
    }
    let stored = items(&one);
    assert!((QUOTA..=QUOTA + 2 * QUOTA / 16).contains(&stored), "{stored} items");
    for server in [&one, &other] {
        assert_out_of_items(server.post("/notes", &ada, &note("c")).await, QUOTA);
    }
    // Each instance notices the deletions of the other one within seconds.
    let page = other.get("/notes?limit=10", &ada).await.json();
    for note in page.as_array().unwrap() {
        other.delete(&format!("/notes/{}", note["id"]), &ada).await.expect(StatusCode::NO_CONTENT);
    }
    eventually("a create at the other instance", || async {
        one.post("/notes", &ada, &note("c")).await.status == 201
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_describes_a_full_account() {
    let server = Server::on(Kind::Sqlite).await;
    let document = Answer::of(server.request(Method::GET, "/openapi.json")).await.json();
    for (path, method) in [
        ("/notes", "post"),
        ("/notes/{note_id}", "put"),
        ("/notes/{note_id}", "patch"),
        ("/notes/{note_id}/summarize", "post"),
        ("/tasks", "post"),
        ("/tasks/{task_id}", "put"),
        ("/tasks/{task_id}", "patch"),
    ] {
        let response = resolve(&document, &document["paths"][path][method]["responses"]["403"]);
        let description = response["description"].as_str().unwrap();
        assert!(description.to_lowercase().contains("the account has"), "{method} {path}: {description}");
        let schema = &response["content"]["application/json"]["schema"]["$ref"];
        assert_eq!(schema, "#/components/schemas/Detail", "{method} {path}");
    }
}
