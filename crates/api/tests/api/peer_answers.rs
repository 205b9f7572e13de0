//! Replays recorded requests of the service that daybook replaces, and compares the responses.

use reqwest::StatusCode;
use rstest::rstest;
use serde_json::{Map, Value, json};

use crate::harness::{Answer, Kind, PASSWORD, Server, TEST_TIMEOUT, timestamp};

const RECORDED: &str = include_str!("data/peer_answers.json");

/// The fields whose values a response never repeats.
const SECRET_FIELDS: [&str; 2] = ["password", "confirm_password"];

/// The sentences of the two conflicts.
const TAKEN: [&str; 2] = ["Email already registered", "Username already taken"];

/// How a response deviates from the recorded one.
enum Deviation {
    /// A status and a sentence.
    Detail(u16, &'static str),
    /// 422 with one problem: malformed JSON at any position.
    InvalidJson,
    /// 409 with one of the two sentences. Both fields are taken, but the database reports only one.
    Taken,
    /// Another status, and only the media type as header.
    Status(u16),
    /// Another value of a header.
    Header(&'static str, &'static str),
}

const INVALID_TOKEN: Deviation = Deviation::Header(
    "www-authenticate",
    r#"Bearer error="invalid_token", error_description="The access token is invalid""#,
);

/// The cases in which daybook deviates from the record, and the reasons.
///
/// All cases have these differences: `created_at` of a note ends with `Z`, and a note has
/// `updated_at`. A response does not repeat secrets. The messages of the JSON parser differ.
const DEVIATIONS: [(&str, Deviation, &str); 12] = [
    ("id huge", Deviation::Detail(404, "Note not found"), "not a 500: there is no note with that id"),
    ("lone surrogate", Deviation::InvalidJson, "not a 500: it is not a character, so the text is malformed"),
    (
        "text/plain",
        Deviation::Detail(415, "The request body must be application/json"),
        "RFC 9110: the status for a wrong media type is 415",
    ),
    ("duplicate", Deviation::Taken, "each conflict has a sentence of its own"),
    ("bearer garbage", INVALID_TOKEN, "RFC 6750: error and error_description where a token was sent"),
    ("bearer without token", INVALID_TOKEN, "RFC 6750: error and error_description where a token was sent"),
    ("lower-case bearer", INVALID_TOKEN, "RFC 6750: error and error_description where a token was sent"),
    ("wrong method", Deviation::Header("allow", "GET, HEAD, POST"), "RFC 9110: Allow lists all methods"),
    (
        "wrong method on item",
        Deviation::Header("allow", "GET, HEAD, PUT, PATCH, DELETE"),
        "RFC 9110: Allow lists all methods",
    ),
    ("HEAD", Deviation::Status(200), "RFC 9110: HEAD is answered wherever GET is"),
    ("OPTIONS", Deviation::Header("allow", "GET, HEAD, POST"), "RFC 9110: Allow lists all methods"),
    (
        "trailing slash",
        Deviation::Header("location", "/notes"),
        "a relative address is valid behind any proxy",
    ),
];

fn recorded() -> Value {
    serde_json::from_str(RECORDED).unwrap()
}

/// Returns the expected response of a case: the recorded one with its deviation.
fn expected(case: &Value) -> Value {
    let mut response = case["response"].clone();
    let name = case["name"].as_str().unwrap();
    let detail = |detail: Value| json!({ "detail": detail });
    match DEVIATIONS.iter().find(|(deviating, ..)| *deviating == name) {
        None => {}
        Some((_, Deviation::Detail(status, sentence), _)) => {
            response["status"] = json!(status);
            response["headers"] = json!({ "content-type": "application/json" });
            response["body"] = detail(json!(sentence));
        }
        Some((_, Deviation::InvalidJson, _)) => {
            response["status"] = json!(422);
            response["headers"] = json!({ "content-type": "application/json" });
            let issue = json!({ "type": "json_invalid", "loc": ["body"], "msg": "JSON decode error" });
            response["body"] = detail(json!([issue]));
        }
        Some((_, Deviation::Taken, _)) => response["body"] = detail(json!(TAKEN)),
        Some((_, Deviation::Status(status), _)) => {
            response["status"] = json!(status);
            response["headers"] = json!({ "content-type": "application/json" });
        }
        Some((_, Deviation::Header(name, value), _)) => response["headers"][name] = json!(value),
    }
    response
}

async fn replay(server: &Server, request: &Value, token: &str) -> Answer {
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

/// Fails unless the response has every field of the recorded note, with timestamps in daybook's
/// format.
fn assert_created(name: &str, answer: &Answer, recorded: &Map<String, Value>) {
    let mut note = answer.json();
    let created_at = timestamp(&note["created_at"]);
    assert_eq!(timestamp(&note["updated_at"]), created_at, "{name}");
    assert_eq!(answer.header("location"), format!("/notes/{}", note["id"]), "{name}");
    let note = note.as_object_mut().unwrap();
    note.retain(|field, _| recorded.contains_key(field));
    note.insert("created_at".to_owned(), recorded["created_at"].clone());
    assert_eq!(note, recorded, "{name}");
}

/// Fails unless the problem has the recorded `input`. It may be absent only if it is a secret, the
/// whole body or nothing.
fn assert_input(name: &str, issue: &Value, recorded: &Value) {
    let field = issue["loc"].get(1).and_then(Value::as_str).unwrap_or_default();
    let Some(input) = issue.get("input") else {
        let secret = SECRET_FIELDS.contains(&field);
        let whole = recorded["input"].is_object() || recorded["loc"].as_array().unwrap().len() == 1;
        let nothing = recorded["input"].is_null() && recorded["type"] == "missing";
        assert!(secret || whole || nothing, "{name}: {issue} has no input");
        return;
    };
    assert!(!input.is_array() && input.as_object().is_none_or(Map::is_empty), "{name}: {issue}");
    assert_eq!(input, &recorded["input"], "{name}");
    assert!(!SECRET_FIELDS.contains(&field), "{name}: {issue} contains a secret");
    assert!(!input.to_string().contains("password"), "{name}: {issue} contains a secret");
}

fn assert_issues(name: &str, answer: &Answer, recorded: &[Value], exact: bool) {
    let issues = answer.json()["detail"].as_array().unwrap().clone();
    assert_eq!(issues.len(), recorded.len(), "{name}: {answer:?}");
    for (issue, recorded) in issues.iter().zip(recorded) {
        for part in ["type", "msg"] {
            assert_eq!(issue[part], recorded[part], "{name}");
        }
        if !exact {
            assert_eq!(issue["loc"][0], recorded["loc"][0], "{name}");
            assert!(issue["loc"][1].is_u64(), "{name}: {issue} has no position");
            continue;
        }
        assert_eq!(issue["loc"], recorded["loc"], "{name}");
        // For malformed JSON, `ctx` has the message of the parser.
        if issue["type"] != "json_invalid" {
            assert_eq!(issue.get("ctx"), recorded.get("ctx"), "{name}");
        }
        assert_input(name, issue, recorded);
    }
}

fn assert_matches(case: &Value, answer: &Answer) {
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
                let body = answer.json();
                assert!(TAKEN.iter().any(|sentence| body == json!({ "detail": sentence })), "{name}: {body}");
            }
            Value::Array(issues) => assert_issues(name, answer, issues, case["response"] == expected),
            _ => assert_eq!(answer.json(), expected["body"], "{name}"),
        },
        other => panic!("{name}: {other}"),
    }
}

#[test]
fn every_listed_deviation_differs_from_the_record() {
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
async fn every_recorded_request_gets_the_recorded_response(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = Server::on(kind).await;
    let ada = json!({ "email": "ada@gmail.com", "username": "ada", "password": PASSWORD });
    server.post("/auth/register", "", &ada).await.expect(StatusCode::CREATED);
    let token = server.login("ada").await;
    let recorded = recorded();
    let cases = recorded["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 56);
    for case in cases {
        assert_matches(case, &replay(&server, &case["request"], &token).await);
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_recorded_email_address_gets_the_same_verdict(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
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
            // Some recorded addresses are equal, so each account is deleted again.
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
