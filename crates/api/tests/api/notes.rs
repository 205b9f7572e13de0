//! `/notes`: create, read, replace, patch and delete.

use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::{Answer, Kind, Server, TEST_TIMEOUT, timestamp};

/// Every operation on one note: the method and the end of the path.
const OPERATIONS: [(Method, &str); 5] = [
    (Method::GET, ""),
    (Method::PUT, ""),
    (Method::PATCH, ""),
    (Method::DELETE, ""),
    (Method::POST, "/summarize"),
];

async fn operate(server: &Server, token: &str, operation: &(Method, &str), id: &str) -> Answer {
    let (method, suffix) = operation;
    let path = format!("/notes/{id}{suffix}");
    if [Method::GET, Method::DELETE].contains(method) {
        return Answer::of(server.request(method.clone(), &path).bearer_auth(token)).await;
    }
    let body = json!({ "title": "Taken", "content": "over" });
    server.send(method.clone(), &path, token, &body).await
}

fn names(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// The fields that every note has, by the OpenAPI document.
async fn required_fields(server: &Server) -> Vec<String> {
    let document = Answer::of(server.request(Method::GET, "/openapi.json")).await.json();
    serde_json::from_value(document["components"]["schemas"]["Note"]["required"].clone()).unwrap()
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn create_note_returns_the_note_as_it_is_read(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    let draft = json!({
        "title": "🎂 \"ä\" \\ \u{10ffff}", "content": "one\n\ttwo\r\n' ; -- <b>", "colour": "red"
    });
    let written = server.post("/notes", &token, &draft).await.expect(StatusCode::CREATED);
    assert_eq!(written.header("content-type"), "application/json");
    let note = written.json();
    let mut fields = names(&note);
    fields.sort_unstable();
    let mut required = required_fields(&server).await;
    required.sort_unstable();
    assert_eq!(fields, required);
    assert_eq!((&note["title"], &note["content"]), (&draft["title"], &draft["content"]));
    assert_eq!(timestamp(&note["created_at"]), timestamp(&note["updated_at"]));
    let location = format!("/notes/{}", note["id"].as_i64().unwrap());
    assert_eq!(written.header("location"), location);
    assert_eq!(server.get(&location, &token).await.expect(StatusCode::OK).json(), note);
    assert_eq!(server.get("/notes", &token).await.expect(StatusCode::OK).json(), json!([note]));
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn create_note_stores_the_longest_title_and_content(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    let (title, content) = ("ä".repeat(200), "🎂".repeat(100_000));
    let longest = json!({ "title": title, "content": content });
    let note = server.post("/notes", &token, &longest).await.expect(StatusCode::CREATED).json();
    let path = format!("/notes/{}", note["id"]);
    let read = server.get(&path, &token).await.json();
    assert!(read["title"] == title && read["content"] == content, "the text was truncated or changed");
    let empty = server.put(&path, &token, &json!({ "title": "t", "content": "" })).await;
    assert_eq!(empty.expect(StatusCode::OK).json()["content"], "");
    for longer in [json!({ "title": format!("{title}ä") }), json!({ "content": format!("{content}🎂") })] {
        let issues = server.patch(&path, &token, &longer).await.issues();
        assert_eq!((issues.len(), issues[0].0.as_str()), (1, "string_too_long"));
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn write_note_rejects_a_body_that_is_not_an_object(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    let note = server.post("/notes", &token, &json!({ "title": "a", "content": "b" })).await.json();
    let path = format!("/notes/{}", note["id"]);
    for (method, path) in [(Method::POST, "/notes"), (Method::PUT, &path), (Method::PATCH, &path)] {
        for body in [json!(["c", "d"]), json!([]), json!("c"), json!(null)] {
            let answer = server.send(method.clone(), path, &token, &body).await;
            assert_eq!(answer.status, 422, "{method} {body}: {answer:?}");
        }
    }
    assert_eq!(server.get("/notes", &token).await.json(), json!([note]));
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn put_note_replaces_all_fields(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    let note = server.post("/notes", &token, &json!({ "title": "a", "content": "b" })).await.json();
    let path = format!("/notes/{}", note["id"]);
    let body = json!({ "title": "c", "content": "d", "id": 77, "created_at": "2001-01-01T00:00:00.000000Z" });
    let replaced = server.put(&path, &token, &body).await.expect(StatusCode::OK);
    assert_eq!(replaced.header("location"), "");
    let replaced = replaced.json();
    assert_eq!((&replaced["title"], &replaced["content"]), (&json!("c"), &json!("d")));
    assert_eq!((&replaced["id"], &replaced["created_at"]), (&note["id"], &note["created_at"]));
    assert!(timestamp(&replaced["updated_at"]) > timestamp(&note["updated_at"]), "{replaced} {note}");
    // A replacement without one of the fields is rejected.
    for (half, missing) in [(json!({ "title": "e" }), "content"), (json!({ "content": "e" }), "title")] {
        let issues = server.put(&path, &token, &half).await.issues();
        assert_eq!(issues, [("missing".into(), format!("body.{missing}"), "Field required".into())]);
    }
    assert_eq!(server.get(&path, &token).await.json(), replaced);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patch_note_changes_only_the_fields_sent(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    let note = server.post("/notes", &token, &json!({ "title": "a", "content": "b" })).await.json();
    let path = format!("/notes/{}", note["id"]);
    let mut before = note;
    for (patch, title, content) in [
        (json!({ "title": "c" }), "c", "b"),
        (json!({ "content": "d" }), "c", "d"),
        (json!({ "title": "e", "content": null }), "e", "d"),
        (json!({ "title": "f", "content": "" }), "f", ""),
    ] {
        let now = server.patch(&path, &token, &patch).await.expect(StatusCode::OK).json();
        assert_eq!((&now["title"], &now["content"]), (&json!(title), &json!(content)), "{patch}");
        assert_eq!((&now["id"], &now["created_at"]), (&before["id"], &before["created_at"]));
        assert!(timestamp(&now["updated_at"]) > timestamp(&before["updated_at"]), "{patch}");
        assert_eq!(server.get(&path, &token).await.json(), now);
        before = now;
    }
    // An invalid field rejects the whole patch.
    server
        .patch(&path, &token, &json!({ "title": "", "content": "g" }))
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(server.get(&path, &token).await.json(), before);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patch_note_without_fields_changes_nothing(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    let note = server.post("/notes", &token, &json!({ "title": "a", "content": "b" })).await.json();
    let path = format!("/notes/{}", note["id"]);
    for patch in [json!({}), json!({ "title": null, "content": null }), json!({ "colour": "red" })] {
        let now = server.patch(&path, &token, &patch).await.expect(StatusCode::OK).json();
        assert_eq!(now, note, "a patch without fields must not change `updated_at`: {patch}");
    }
    assert_eq!(server.get(&path, &token).await.json(), note);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delete_note_deletes_it_and_never_reuses_the_id(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    let draft = json!({ "title": "a", "content": "b" });
    let kept = server.post("/notes", &token, &draft).await.json();
    let gone = server.post("/notes", &token, &draft).await.json();
    let path = format!("/notes/{}", gone["id"]);
    let answer = server.delete(&path, &token).await.expect(StatusCode::NO_CONTENT);
    assert_eq!((answer.text.as_str(), answer.header("content-type")), ("", ""));
    for operation in &OPERATIONS {
        let answer = operate(&server, &token, operation, &gone["id"].to_string()).await;
        answer.expect_detail(StatusCode::NOT_FOUND, "Note not found");
    }
    assert_eq!(server.get("/notes", &token).await.json(), json!([kept]));
    // Ids are never reused, not even the id of the newest note.
    let next = server.post("/notes", &token, &draft).await.json();
    assert!(next["id"].as_i64() > gone["id"].as_i64(), "{next}");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn note_of_another_user_looks_like_a_missing_one(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let (ada, bob) = (server.user("ada").await, server.user("bob").await);
    let note = server.post("/notes", &ada, &json!({ "title": "a", "content": "b" })).await.json();
    let foreign = note["id"].to_string();
    for operation in &OPERATIONS {
        let mut answers = Vec::new();
        for id in [foreign.as_str(), "4711", "0", "-1", "9223372036854775807"] {
            let answer = operate(&server, &bob, operation, id).await;
            let mut answer = answer.expect_detail(StatusCode::NOT_FOUND, "Note not found");
            answer.headers.remove("x-request-id");
            answer.headers.remove("date");
            answers.push((answer.text, answer.headers));
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "{operation:?}: {answers:?}");
    }
    assert_eq!(server.get("/notes", &bob).await.json(), json!([]));
    assert_eq!(
        server.get(&format!("/notes/{foreign}"), &ada).await.json(),
        note,
        "another user changed the note"
    );
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn note_id_must_be_an_integer(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    for operation in &OPERATIONS {
        for id in ["one", "1x", "0x1"] {
            let issues = operate(&server, &token, operation, id).await.issues();
            assert_eq!((issues[0].0.as_str(), issues[0].1.as_str()), ("int_parsing", "path.note_id"), "{id}");
        }
    }
}
