//! What clients of the service that daybook replaces saw: its recorded answers, replayed.

use reqwest::StatusCode;
use rstest::rstest;
use serde_json::{Map, Value, json};

use crate::harness::{Answer, Kind, PASSWORD, Server, TEST_TIMEOUT, timestamp};

const RECORDED: &str = include_str!("data/peer_answers.json");

/// The fields whose content is never sent back.
const SECRET_FIELDS: [&str; 2] = ["password", "confirm_password"];

/// The two sentences of a conflict.
const TAKEN: [&str; 2] = ["Email already registered", "Username already taken"];

/// What is answered instead of what was recorded.
enum Instead {
    /// A status and a sentence.
    Detail(u16, &'static str),
    /// 422 with one problem: JSON that cannot be read, at whatever place.
    InvalidJson,
    /// 409 with the sentence of either field: both are taken, and which one is told is the database's choice.
    Taken,
    /// Another status, and no header but the media type.
    Status(u16),
    /// Another value of a header.
    Header(&'static str, &'static str),
}

const INVALID_TOKEN: Instead = Instead::Header(
    "www-authenticate",
    r#"Bearer error="invalid_token", error_description="The access token is invalid""#,
);

/// Where the contract wants something else than the record, and why. Beside these, every note has `created_at` with a Z and has
/// `updated_at`, no secret is sent back, and a JSON parser has words of its own.
const DEVIATIONS: [(&str, Instead, &str); 12] = [
    ("id huge", Instead::Detail(404, "Note not found"), "no 500: there is no note with that id"),
    ("lone surrogate", Instead::InvalidJson, "no 500: it is no character, so the text is malformed"),
    (
        "text/plain",
        Instead::Detail(415, "The request body must be application/json"),
        "wrong media type: 415",
    ),
    ("duplicate", Instead::Taken, "each conflict has its sentence"),
    ("bearer garbage", INVALID_TOKEN, "RFC 6750: error and error_description where a token was sent"),
    ("bearer without token", INVALID_TOKEN, "RFC 6750: error and error_description where a token was sent"),
    ("lower-case bearer", INVALID_TOKEN, "RFC 6750: error and error_description where a token was sent"),
    ("wrong method", Instead::Header("allow", "GET, HEAD, POST"), "RFC 9110: Allow lists all methods"),
    (
        "wrong method on item",
        Instead::Header("allow", "GET, HEAD, PUT, PATCH, DELETE"),
        "RFC 9110: Allow lists all methods",
    ),
    ("HEAD", Instead::Status(200), "RFC 9110: HEAD is answered wherever GET is"),
    ("OPTIONS", Instead::Header("allow", "GET, HEAD, POST"), "RFC 9110: Allow lists all methods"),
    ("trailing slash", Instead::Header("location", "/notes"), "a relative address is right behind any proxy"),
];

fn recorded() -> Value {
    serde_json::from_str(RECORDED).unwrap()
}

/// What is expected in a case.
fn expected(case: &Value) -> Value {
    let mut response = case["response"].clone();
    let name = case["name"].as_str().unwrap();
    let detail = |detail: Value| json!({ "detail": detail });
    match DEVIATIONS.iter().find(|(deviating, ..)| *deviating == name) {
        None => {}
        Some((_, Instead::Detail(status, sentence), _)) => {
            response["status"] = json!(status);
            response["headers"] = json!({ "content-type": "application/json" });
            response["body"] = detail(json!(sentence));
        }
        Some((_, Instead::InvalidJson, _)) => {
            response["status"] = json!(422);
            response["headers"] = json!({ "content-type": "application/json" });
            let issue = json!({ "type": "json_invalid", "loc": ["body"], "msg": "JSON decode error" });
            response["body"] = detail(json!([issue]));
        }
        Some((_, Instead::Taken, _)) => response["body"] = detail(json!(TAKEN)),
        Some((_, Instead::Status(status), _)) => {
            response["status"] = json!(status);
            response["headers"] = json!({ "content-type": "application/json" });
        }
        Some((_, Instead::Header(name, value), _)) => response["headers"][name] = json!(value),
    }
    response
}

async fn ask(server: &Server, request: &Value, token: &str) -> Answer {
    let method = request["method"].as_str().unwrap().parse().unwrap();
    let mut builder = server.request(method, request["path"].as_str().unwrap());
    for (name, value) in request["headers"].as_object().unwrap() {
        builder = builder.header(name, value.as_str().unwrap().replace("<token>", token));
    }
    match request["body"].as_str() {
        Some(body) => Answer::of(builder.body(body.to_owned())).await,
        None => Answer::of(builder).await,
    }
}

/// A created note as recorded, with times as daybook writes them.
fn assert_created(name: &str, answer: &Answer, recorded: &Map<String, Value>) {
    let mut note = answer.json();
    let created_at = timestamp(&note["created_at"]);
    assert_eq!(timestamp(&note["updated_at"]), created_at, "{name}");
    assert_eq!(answer.header("location"), format!("/notes/{}", note["id"]), "{name}");
    let note = note.as_object_mut().unwrap();
    note.remove("updated_at");
    note.insert("created_at".to_owned(), recorded["created_at"].clone());
    assert_eq!(note, recorded, "{name}");
}

/// What an issue says of what was sent: the same as recorded, unless that is secret or the whole body.
fn assert_input(name: &str, issue: &Value, recorded: &Value) {
    let field = issue["loc"].get(1).and_then(Value::as_str).unwrap_or_default();
    let Some(input) = issue.get("input") else {
        let secret = SECRET_FIELDS.contains(&field);
        let whole = recorded["input"].is_object() || recorded["loc"].as_array().unwrap().len() == 1;
        let nothing = recorded["input"].is_null() && recorded["type"] == "missing";
        assert!(secret || whole || nothing, "{name}: {issue} does not say what was sent");
        return;
    };
    assert!(!input.is_array() && input.as_object().is_none_or(Map::is_empty), "{name}: {issue}");
    assert_eq!(input, &recorded["input"], "{name}");
    assert!(!SECRET_FIELDS.contains(&field), "{name}: {issue} tells a secret");
    assert!(!input.to_string().contains("password"), "{name}: {issue} tells a secret");
}

fn assert_issues(name: &str, answer: &Answer, recorded: &[Value], exact: bool) {
    let told = answer.json()["detail"].as_array().unwrap().clone();
    assert_eq!(told.len(), recorded.len(), "{name}: {answer:?}");
    for (issue, recorded) in told.iter().zip(recorded) {
        for part in ["type", "msg"] {
            assert_eq!(issue[part], recorded[part], "{name}");
        }
        if !exact {
            assert_eq!(issue["loc"][0], recorded["loc"][0], "{name}");
            assert!(issue["loc"][1].is_u64(), "{name}: {issue} says where");
            continue;
        }
        assert_eq!(issue["loc"], recorded["loc"], "{name}");
        // There it holds the parser's own words.
        if issue["type"] != "json_invalid" {
            assert_eq!(issue.get("ctx"), recorded.get("ctx"), "{name}");
        }
        assert_input(name, issue, recorded);
    }
}

fn assert_as_expected(case: &Value, answer: &Answer) {
    let name = case["name"].as_str().unwrap();
    let expected = expected(case);
    assert_eq!(answer.status, expected["status"], "{name}: {answer:?}");
    for (header, value) in expected["headers"].as_object().unwrap() {
        assert_eq!(answer.header(header), value, "{name}: {header}");
    }
    match &expected["body"] {
        Value::String(text) => assert_eq!(&answer.text, text, "{name}"),
        Value::Object(body) if answer.status == 201 => assert_created(name, answer, body),
        Value::Object(body) => match &body["detail"] {
            Value::Array(_) if answer.status == 409 => {
                let told = answer.json();
                assert!(TAKEN.iter().any(|sentence| told == json!({ "detail": sentence })), "{name}: {told}");
            }
            Value::Array(issues) => assert_issues(name, answer, issues, case["response"] == expected),
            _ => assert_eq!(answer.json(), expected["body"], "{name}"),
        },
        other => panic!("{name}: {other}"),
    }
}

#[test]
fn every_deviation_is_one() {
    let recorded = recorded();
    let cases = recorded["cases"].as_array().unwrap();
    for (name, _, reason) in &DEVIATIONS {
        let case = cases.iter().find(|case| case["name"] == *name);
        let case = case.unwrap_or_else(|| panic!("{name} is not recorded"));
        assert_ne!(case["response"], expected(case), "{name} does not deviate; {reason}");
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_is_answered_as_recorded(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let ada = json!({ "email": "ada@gmail.com", "username": "ada", "password": PASSWORD });
    server.post("/auth/register", "", &ada).await.expect(StatusCode::CREATED);
    let token = server.login("ada").await;
    let recorded = recorded();
    let cases = recorded["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 56);
    for case in cases {
        assert_as_expected(case, &ask(&server, &case["request"], &token).await);
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_address_is_judged_as_recorded(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let recorded = recorded();
    let addresses = recorded["email_addresses"].as_object().unwrap();
    assert_eq!(addresses.len(), 38);
    for (number, (address, verdict)) in addresses.iter().enumerate() {
        let username = format!("user{number}");
        let body = json!({ "email": address, "username": username, "password": PASSWORD });
        let answer = server.post("/auth/register", "", &body).await;
        if verdict == "valid" {
            assert_eq!(answer.status, 201, "{address:?}: {answer:?}");
            // Some of them are the same address.
            let token = server.login(&username).await;
            let confirmation = json!({ "current_password": PASSWORD });
            let request = server.request(reqwest::Method::DELETE, "/users/me").bearer_auth(token);
            Answer::of(request.json(&confirmation)).await.expect(StatusCode::NO_CONTENT);
        } else {
            assert_eq!(answer.status, 422, "{address:?}: {answer:?}");
            let expected = ("value_error".into(), "body.email".into(), verdict.as_str().unwrap().into());
            assert_eq!(answer.issues(), [expected], "{address:?}");
        }
    }
}
