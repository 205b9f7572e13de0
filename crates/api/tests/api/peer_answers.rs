//! What the FastAPI service was seen to answer to 56 requests and 38 e-mail addresses: daybook answers the same.

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::harness::{Answer, PASSWORD, Server, on_both_databases};

#[derive(Deserialize)]
struct Recorded {
    cases: Vec<Case>,
    email_addresses: std::collections::BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    request: Request,
    response: Response,
}

#[derive(Deserialize)]
struct Request {
    method: String,
    path: String,
    headers: std::collections::BTreeMap<String, String>,
    body: Option<String>,
}

#[derive(Deserialize)]
struct Response {
    status: u16,
    headers: std::collections::BTreeMap<String, String>,
    body: Value,
}

fn recorded() -> Recorded {
    serde_json::from_str(include_str!("data/peer_answers.json")).unwrap()
}

/// Where the contract wants another answer: the status, and the sentence of the `detail` unless it is a 422.
fn deviation(name: &str) -> Option<(u16, &'static str)> {
    match name {
        // 500 is never an answer to a request.
        "id huge" => Some((404, "Note not found")),
        "lone surrogate" => Some((422, "json_invalid")),
        // A wrong media type is 415.
        "text/plain" => Some((415, "The request body must be application/json")),
        _ => None,
    }
}

/// (type, place, message) of each problem; the words of a JSON parser may differ.
fn problems(body: &Value) -> Vec<(Value, Value, Value)> {
    let issues = body["detail"].as_array().unwrap_or_else(|| panic!("no list of problems: {body}"));
    issues.iter().map(|issue| (issue["type"].clone(), issue["loc"].clone(), issue["msg"].clone())).collect()
}

fn detail(answer: &Answer) -> String {
    answer.json()["detail"].as_str().unwrap().to_owned()
}

fn check(case: &Case, answer: &Answer) {
    let name = &case.name;
    if let Some((status, sentence)) = deviation(name) {
        assert_eq!(answer.status, status, "{name}: {answer:?}");
        let json = answer.json();
        let told = if status == 422 { &json["detail"][0]["type"] } else { &json["detail"] };
        assert_eq!(told, sentence, "{name}");
        return;
    }
    assert_eq!(answer.status, case.response.status, "{name}: {answer:?}");
    match answer.status {
        422 => assert_eq!(problems(&answer.json()), problems(&case.response.body), "{name}"),
        201 => {
            for field in ["title", "content"] {
                assert_eq!(answer.json()[field], case.response.body[field], "{name}");
            }
        }
        // Which field is taken; both are, and each database names another one.
        409 => assert!(
            ["Email already registered", "Username already taken"].contains(&detail(answer).as_str()),
            "{name}"
        ),
        307 => assert!(
            case.response.headers["location"].ends_with(answer.header("location")),
            "{name}: {answer:?}"
        ),
        _ if case.request.method == "HEAD" => assert_eq!(answer.text, "", "{name}"),
        _ => assert_eq!(answer.json(), case.response.body, "{name}"),
    }
    if answer.status == 401 {
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{name}");
    }
    if answer.status == 405 {
        // The peer names one method of a path with two; every one that it names is there.
        assert!(answer.header("allow").contains(&case.response.headers["allow"]), "{name}: {answer:?}");
    }
}

/// No secret comes back, and never the whole body.
fn check_input(case: &Case, answer: &Answer) {
    let json = answer.json();
    for issue in json["detail"].as_array().into_iter().flatten() {
        let field = issue["loc"].get(1).and_then(Value::as_str).unwrap_or("");
        if field.contains("password") {
            assert_eq!(issue.get("input"), None, "{}: {issue}", case.name);
        }
        let input = issue.get("input").unwrap_or(&Value::Null);
        assert!(
            !input.is_array() && input.as_object().is_none_or(serde_json::Map::is_empty),
            "{}: {issue}",
            case.name
        );
    }
}

on_both_databases! {
    async fn every_recorded_request_has_the_recorded_answer(kind: Kind) {
        let server = Server::on(kind).await;
        let ada = json!({ "email": "ada@gmail.com", "username": "ada", "password": PASSWORD });
        assert_eq!(server.post("/auth/register", "", &ada).await.status, 201);
        let token = server.login("ada").await;
        let cases = recorded().cases;
        assert_eq!(cases.len(), 56);
        for case in &cases {
            let method: Method = case.request.method.parse().unwrap();
            let mut request = server.request(method, &case.request.path);
            for (name, value) in &case.request.headers {
                request = request.header(name, value.replace("<token>", &token));
            }
            if let Some(body) = &case.request.body {
                request = request.body(body.clone());
            }
            let answer = Answer::of(request).await;
            check(case, &answer);
            if answer.status == 422 {
                check_input(case, &answer);
            }
        }
    }

    async fn every_recorded_address_is_taken_or_refused_alike(kind: Kind) {
        let server = Server::on(kind).await;
        let addresses = recorded().email_addresses;
        assert_eq!(addresses.len(), 38);
        for (number, (address, verdict)) in addresses.iter().enumerate() {
            let body = json!({ "email": address, "username": format!("user{number}"), "password": PASSWORD });
            let answer = server.post("/auth/register", "", &body).await;
            if verdict == "valid" {
                // The same mailbox written in another way is taken by then.
                assert!([201, 409].contains(&answer.status), "{address:?}: {answer:?}");
            } else {
                let expected = ("value_error".to_owned(), "body.email".to_owned(), verdict.clone());
                assert_eq!(answer.issues(), [expected], "{address:?}");
            }
        }
    }
}
