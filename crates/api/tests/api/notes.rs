//! `/notes`: writing, reading, replacing, changing and deleting.

use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::{Answer, Kind, Server, TEST_TIMEOUT, timestamp};

/// Every operation on one note, with a body that it takes.
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

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_note_is_written_and_read(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    let draft =
        json!({ "title": "🎂 \"ä\" \\ \u{10ffff}", "content": "one\n\ttwo\r\n' ; -- <b>", "colour": "red" });
    let written = server.post("/notes", &token, &draft).await.expect(StatusCode::CREATED);
    assert_eq!(written.header("content-type"), "application/json");
    let note = written.json();
    let mut fields = names(&note);
    fields.sort_unstable();
    assert_eq!(fields, ["content", "created_at", "id", "title", "updated_at"]);
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
async fn the_longest_note_comes_back_whole(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    let (title, content) = ("ä".repeat(200), "🎂".repeat(100_000));
    let longest = json!({ "title": title, "content": content });
    let note = server.post("/notes", &token, &longest).await.expect(StatusCode::CREATED).json();
    let path = format!("/notes/{}", note["id"]);
    let read = server.get(&path, &token).await.json();
    assert!(read["title"] == title && read["content"] == content, "it was cut or changed");
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
async fn a_list_of_values_is_no_note(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
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
async fn put_replaces_the_whole_note(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
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
    // Not even half of a replacement is done.
    for (half, missing) in [(json!({ "title": "e" }), "content"), (json!({ "content": "e" }), "title")] {
        let issues = server.put(&path, &token, &half).await.issues();
        assert_eq!(issues, [("missing".into(), format!("body.{missing}"), "Field required".into())]);
    }
    assert_eq!(server.get(&path, &token).await.json(), replaced);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patch_changes_what_is_sent(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
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
    // One bad field, and the good one is not taken either.
    server
        .patch(&path, &token, &json!({ "title": "", "content": "g" }))
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(server.get(&path, &token).await.json(), before);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_patch_changes_nothing(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    let note = server.post("/notes", &token, &json!({ "title": "a", "content": "b" })).await.json();
    let path = format!("/notes/{}", note["id"]);
    for patch in [json!({}), json!({ "title": null, "content": null }), json!({ "colour": "red" })] {
        let now = server.patch(&path, &token, &patch).await.expect(StatusCode::OK).json();
        assert_eq!(now, note, "`updated_at` is when the title or the content last changed: {patch}");
    }
    assert_eq!(server.get(&path, &token).await.json(), note);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delete_leaves_nothing(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
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
    // An id is never used twice, not even that of the newest.
    let next = server.post("/notes", &token, &draft).await.json();
    assert!(next["id"].as_i64() > gone["id"].as_i64(), "{next}");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_note_is_as_if_it_were_not_there(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
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
    assert_eq!(server.get(&format!("/notes/{foreign}"), &ada).await.json(), note, "it is untouched");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_is_a_number(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    for operation in &OPERATIONS {
        for id in ["one", "1x", "0x1"] {
            let issues = operate(&server, &token, operation, id).await.issues();
            assert_eq!((issues[0].0.as_str(), issues[0].1.as_str()), ("int_parsing", "path.note_id"), "{id}");
        }
    }
}
