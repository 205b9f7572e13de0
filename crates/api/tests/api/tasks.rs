//! `/tasks`: create, read, replace, patch and delete. `weather.rs` has the tests of the weather.

use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::{Answer, Kind, Server, TEST_TIMEOUT, timestamp};

const OPERATIONS: [Method; 4] = [Method::GET, Method::PUT, Method::PATCH, Method::DELETE];

const FOREIGN: &str = "A task can only be your own";

fn draft() -> Value {
    json!({ "title": "Paint", "content": "Two coats", "city": "Lisbon" })
}

async fn operate(server: &Server, token: &str, method: &Method, id: &str) -> Answer {
    let path = format!("/tasks/{id}");
    if [Method::GET, Method::DELETE].contains(method) {
        return Answer::of(server.request(method.clone(), &path).bearer_auth(token)).await;
    }
    server.send(method.clone(), &path, token, &draft()).await
}

/// Reads a task and removes the weather.
async fn read(server: &Server, token: &str, path: &str) -> Value {
    let mut task = server.get(path, token).await.expect(StatusCode::OK).json();
    assert!(task.as_object_mut().unwrap().remove("weather").is_some(), "{task}");
    task.as_object_mut().unwrap().remove("weather_error");
    task
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn create_task_returns_the_task_as_it_is_read(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let id = server.register("ada").await;
    let token = server.login("ada").await;
    let body = json!({ "title": "ä🎂", "content": "\"\\\n", "city": "São Paulo", "colour": "red" });
    let written = server.post("/tasks", &token, &body).await.expect(StatusCode::CREATED);
    let task = written.json();
    let mut fields: Vec<_> = task.as_object().unwrap().keys().collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        ["city", "content", "created_at", "due_date", "id", "place", "title", "updated_at", "user_id"]
    );
    for field in ["title", "content", "city"] {
        assert_eq!(task[field], body[field]);
    }
    assert_eq!(task["user_id"], id);
    assert_eq!(timestamp(&task["created_at"]), timestamp(&task["updated_at"]));
    let location = format!("/tasks/{}", task["id"].as_i64().unwrap());
    assert_eq!(written.header("location"), location);
    assert_eq!(read(&server, &token, &location).await, task);
    assert_eq!(server.get("/tasks", &token).await.expect(StatusCode::OK).json(), json!([task]));
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn put_task_replaces_all_fields(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    let task = server.post("/tasks", &token, &draft()).await.json();
    let path = format!("/tasks/{}", task["id"]);
    let body = json!({ "title": "a", "content": "", "city": "Porto" });
    let replaced = server.put(&path, &token, &body).await.expect(StatusCode::OK).json();
    for field in ["title", "content", "city"] {
        assert_eq!(replaced[field], body[field]);
    }
    for field in ["id", "user_id", "created_at"] {
        assert_eq!(replaced[field], task[field]);
    }
    assert!(timestamp(&replaced["updated_at"]) > timestamp(&task["updated_at"]));
    for field in ["title", "content", "city"] {
        let mut half = body.clone();
        half.as_object_mut().unwrap().remove(field);
        let issues = server.put(&path, &token, &half).await.issues();
        assert_eq!(issues, [("missing".into(), format!("body.{field}"), "Field required".into())]);
    }
    assert_eq!(read(&server, &token, &path).await, replaced);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patch_task_changes_only_the_fields_sent(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    let mut before = server.post("/tasks", &token, &draft()).await.json();
    let path = format!("/tasks/{}", before["id"]);
    for (field, value) in [("title", "a"), ("content", ""), ("city", "Porto")] {
        let patch = json!({ field: value });
        let now = server.patch(&path, &token, &patch).await.expect(StatusCode::OK).json();
        for unchanged in ["id", "user_id", "created_at", "title", "content", "city"] {
            let expected = if unchanged == field { &patch[field] } else { &before[unchanged] };
            assert_eq!(&now[unchanged], expected, "{unchanged} after {patch}");
        }
        assert!(timestamp(&now["updated_at"]) > timestamp(&before["updated_at"]), "{patch}");
        assert_eq!(read(&server, &token, &path).await, now);
        before = now;
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patch_task_without_fields_changes_nothing(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    let task = server.post("/tasks", &token, &draft()).await.json();
    let path = format!("/tasks/{}", task["id"]);
    let nulls = json!({ "title": null, "content": null, "city": null, "user_id": null, "due_date": null });
    for patch in [json!({}), nulls, json!({ "user_id": task["user_id"] })] {
        let now = server.patch(&path, &token, &patch).await.expect(StatusCode::OK).json();
        assert_eq!(now, task, "a patch without fields must not change `updated_at`: {patch}");
    }
    assert_eq!(read(&server, &token, &path).await, task);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn write_task_rejects_another_owner(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let bob = server.register("bob").await;
    let ada = server.register("ada").await;
    let (token, bobs) = (server.login("ada").await, server.login("bob").await);
    let with = |user: Value| {
        let mut body = draft();
        body["user_id"] = user;
        body
    };
    for own in [json!(ada), Value::Null] {
        let task = server.post("/tasks", &token, &with(own.clone())).await.expect(StatusCode::CREATED).json();
        assert_eq!(task["user_id"], ada, "{own}");
        let path = format!("/tasks/{}", task["id"]);
        let replaced = server.put(&path, &token, &with(own.clone())).await.expect(StatusCode::OK).json();
        assert_eq!(replaced["user_id"], ada, "{own}");
        server.patch(&path, &token, &json!({ "user_id": own })).await.expect(StatusCode::OK);
    }
    let before = server.get("/tasks", &token).await.json();
    let path = format!("/tasks/{}", before[0]["id"]);
    // The response does not reveal whether the other account exists.
    for foreign in [bob, 4_711, 0, -1, i64::MAX] {
        let body = with(json!(foreign));
        server.post("/tasks", &token, &body).await.expect_detail(StatusCode::FORBIDDEN, FOREIGN);
        server.put(&path, &token, &body).await.expect_detail(StatusCode::FORBIDDEN, FOREIGN);
        let patch = json!({ "user_id": foreign, "title": "Given away" });
        server.patch(&path, &token, &patch).await.expect_detail(StatusCode::FORBIDDEN, FOREIGN);
    }
    assert_eq!(server.get("/tasks", &token).await.json(), before);
    assert_eq!(server.get("/tasks", &bobs).await.json(), json!([]));
    let issues = server.post("/tasks", &token, &with(json!("one"))).await.issues();
    assert_eq!((issues[0].0.as_str(), issues[0].1.as_str()), ("int_parsing", "body.user_id"));
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delete_task_deletes_it_and_never_reuses_the_id(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    let kept = server.post("/tasks", &token, &draft()).await.json();
    let gone = server.post("/tasks", &token, &draft()).await.json();
    let path = format!("/tasks/{}", gone["id"]);
    let answer = server.delete(&path, &token).await.expect(StatusCode::NO_CONTENT);
    assert_eq!((answer.text.as_str(), answer.header("content-type")), ("", ""));
    for method in OPERATIONS {
        let answer = operate(&server, &token, &method, &gone["id"].to_string()).await;
        answer.expect_detail(StatusCode::NOT_FOUND, "Task not found");
    }
    assert_eq!(server.get("/tasks", &token).await.json(), json!([kept]));
    let next = server.post("/tasks", &token, &draft()).await.json();
    assert!(next["id"].as_i64() > gone["id"].as_i64(), "{next}");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn task_of_another_user_looks_like_a_missing_one(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let (ada, bob) = (server.user("ada").await, server.user("bob").await);
    let task = server.post("/tasks", &ada, &draft()).await.json();
    let foreign = task["id"].to_string();
    for method in OPERATIONS {
        let mut answers = Vec::new();
        for id in [foreign.as_str(), "4711", "0", "-1", "9223372036854775807"] {
            let answer = operate(&server, &bob, &method, id).await;
            let mut answer = answer.expect_detail(StatusCode::NOT_FOUND, "Task not found");
            answer.headers.remove("x-request-id");
            answer.headers.remove("date");
            answers.push((answer.text, answer.headers));
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "{method}: {answers:?}");
    }
    assert_eq!(server.get("/tasks", &bob).await.json(), json!([]));
    assert_eq!(
        read(&server, &ada, &format!("/tasks/{foreign}")).await,
        task,
        "another user changed the task"
    );
}
