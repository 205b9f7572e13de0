//! The OpenAPI document agrees with the service. The pages that show it load from the binary.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use daybook_domain::Username;
use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::{Map, Value, json};

use crate::harness::operations::{assert_complete, operations};
use crate::harness::{Answer, Kind, PASSWORD, Server, Start, TEST_TIMEOUT, provider};

/// The pattern of a new username.
const USERNAME: &str = "^(?=.*\\S)[^\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\
    \\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\
    \\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb\
    \u{13430}-\u{1343f}\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]*$";

/// The patterns in the document. Each has a character that may repeat, the end of a matching value,
/// and a value that does not match.
const PATTERNS: [(&str, &str, &str, &str); 7] = [
    ("^[^\\u0000]*$", "🎂", "🎂", "a\0bc"),
    (USERNAME, "🎂", "🎂", "ada\u{202e}"),
    ("[0-9]", "🎂", "7", "without any"),
    ("^(password)?$", "", "password", "another"),
    ("^(refresh_token)?$", "", "refresh_token", "password"),
    ("^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}$", "", "en", "en_US"),
    ("^(short|medium|long)$", "", "short", "tiny"),
];

/// Follows the reference to a component, if the value is one.
pub(crate) fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => {
            let pointer = reference.strip_prefix('#').expect("a reference into the document itself");
            let found = document.pointer(pointer).unwrap_or_else(|| panic!("{reference} does not exist"));
            resolve(document, found)
        }
        None => schema,
    }
}

/// Collects the value of every `$ref` in the document.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                match (name.as_str(), value.as_str()) {
                    ("$ref", Some(reference)) => drop(found.insert(reference.to_owned())),
                    _ => references(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// A documented operation with a request body.
struct BodyOperation<'a> {
    method: Method,
    path: String,
    form: bool,
    schema: &'a Value,
}

impl<'a> BodyOperation<'a> {
    /// Returns every operation with a body. The last one deletes the account.
    fn all(document: &'a Value) -> Vec<Self> {
        let mut all = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let Some(content) = operation["requestBody"]["content"].as_object() else { continue };
                for (media_type, content) in content {
                    let schema = match content["schema"]["oneOf"].as_array() {
                        Some(either) => either.iter().find(|schema| schema["type"] != "null").unwrap(),
                        None => &content["schema"],
                    };
                    all.push(Self {
                        method: method.to_uppercase().parse().unwrap(),
                        path: path.replace("{note_id}", "1").replace("{task_id}", "1"),
                        form: media_type == "application/x-www-form-urlencoded",
                        schema: resolve(document, schema),
                    });
                }
            }
        }
        all.sort_by_key(|operation| operation.method == Method::DELETE);
        all
    }

    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    fn properties(&self) -> Map<String, Value> {
        self.schema["properties"].as_object().cloned().unwrap_or_default()
    }

    /// Returns the example of each field, or only of each required field.
    fn example(&self, required_only: bool) -> Map<String, Value> {
        let required = self.schema["required"].as_array().cloned().unwrap_or_default();
        let wanted = |name: &String| !required_only || required.contains(&json!(name));
        let examples = self.properties().into_iter().filter(|(name, _)| wanted(name));
        examples
            .map(|(name, property)| {
                let example = property
                    .get("example")
                    .or_else(|| property.pointer("/examples/0"))
                    .unwrap_or_else(|| panic!("{}: {name} has no example", self.name()));
                (name, example.clone())
            })
            .collect()
    }

    async fn send(&self, server: &Server, token: &str, body: &Map<String, Value>) -> Answer {
        let request = server.request(self.method.clone(), &self.path).bearer_auth(token);
        if !self.form {
            return Answer::of(request.json(body)).await;
        }
        let pairs = body.iter().map(|(name, value)| (name, value.as_str().unwrap()));
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        Answer::of(request.header("content-type", "application/x-www-form-urlencoded").body(body)).await
    }
}

/// Returns a text of `length` characters that matches the pattern and the format of its schema.
fn text(schema: &Value, length: usize) -> String {
    if schema["format"] == "email" {
        let domain = format!("@{}.example.com", "b".repeat(60));
        return format!("{}{domain}", "a".repeat(length - domain.len()));
    }
    let Some(pattern) = schema["pattern"].as_str() else { return "🎂".repeat(length) };
    let (_, filling, end, _) =
        PATTERNS.iter().find(|(known, ..)| *known == pattern).expect("a known pattern");
    let rest = length.saturating_sub(end.chars().count());
    if length == 0 { String::new() } else { format!("{}{end}", filling.repeat(rest)) }
}

/// Starts a service with an AI provider, a note and a task. Returns the token of their owner.
async fn with_note_and_task(kind: Kind) -> (Server, String, wiremock::MockServer) {
    let provider = provider::summarizing("A list.").await;
    let server = Start::on(kind).with_provider(&provider.uri()).start().await;
    let token = server.user("lovelace").await;
    let note = json!({ "title": "t", "content": "c" });
    server.post("/notes", &token, &note).await.expect(StatusCode::CREATED);
    let task = json!({ "title": "t", "content": "c", "city": "Lisbon" });
    server.post("/tasks", &token, &task).await.expect(StatusCode::CREATED);
    (server, token, provider)
}

#[tokio::test]
async fn document_is_complete_and_consistent() {
    let server = Server::on(Kind::Sqlite).await;
    let document = assert_complete(&server).await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."), "{}", document["openapi"]);
    assert_eq!(document["info"]["title"], "daybook");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let schemes = document["components"]["securitySchemes"].as_object().unwrap();
    assert_eq!(schemes.len(), 1);
    assert_eq!(schemes["OAuth2PasswordBearer"]["flows"]["password"]["tokenUrl"], "auth/login");
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 10, "{found:?}");
    for reference in &found {
        resolve(&document, &json!({ "$ref": reference }));
    }
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for name in schemas.keys() {
        assert!(found.contains(&format!("#/components/schemas/{name}")), "{name} is not referenced");
    }
}

#[tokio::test]
async fn every_operation_documents_its_errors() {
    let server = Server::on(Kind::Sqlite).await;
    let document = assert_complete(&server).await;
    let mut ids = BTreeSet::new();
    for operation in operations() {
        let name = operation.name();
        let documented = &document["paths"][operation.path][operation.method.as_str().to_lowercase()];
        let id = documented["operationId"].as_str().unwrap_or_else(|| panic!("{name} has no id"));
        assert!(ids.insert(id.to_owned()), "{name}: {id} is repeated");
        assert!(!documented["summary"].as_str().unwrap_or_default().is_empty(), "{name} has no summary");
        assert_eq!(documented["tags"].as_array().map(Vec::len), Some(1), "{name}");
        let responses = documented["responses"].as_object().unwrap();
        assert!(responses.contains_key(&operation.status.to_string()), "{name}");
        let body = documented.get("requestBody").is_some();
        let form = operation.path == "/auth/login";
        let input = body || operation.has_id() || documented.get("parameters").is_some();
        let limited = operation.secured || operation.path.starts_with("/auth/");
        let errors = [
            ("401", operation.secured || form || operation.path == "/auth/refresh"),
            ("404", operation.has_id()),
            ("408", body),
            ("413", body),
            ("415", body),
            ("422", input),
            ("429", limited),
            ("500", true),
            ("503", true),
        ];
        for (status, applies) in errors {
            assert_eq!(responses.contains_key(status), applies, "{name}: {status}");
        }
        for (status, response) in responses {
            let response = resolve(&document, response);
            let content = &response["content"]["application/json"];
            let schema = content["schema"]["$ref"].as_str().unwrap_or_default();
            // A health endpoint has the same kind of body for every status.
            let error = !status.starts_with('2') && !operation.path.starts_with("/health");
            let wanted = if status == "422" { "HTTPValidationError" } else { "Detail" };
            assert!(
                !error || schema == format!("#/components/schemas/{wanted}"),
                "{name}: {status} {response}"
            );
            assert_eq!(response.get("content").is_some(), status != "204", "{name}: {status}");
        }
        assert_eq!(
            documented["security"],
            if operation.secured { json!([{ "OAuth2PasswordBearer": [] }]) } else { Value::Null }
        );
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_example_is_accepted(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (server, token, _provider) = with_note_and_task(kind).await;
    let document = assert_complete(&server).await;
    let all = BodyOperation::all(&document);
    assert_eq!(all.len(), 14);
    for operation in &all {
        for required_only in [false, true] {
            let answer = operation.send(&server, &token, &operation.example(required_only)).await;
            let status = answer.status;
            // The passwords and the refresh token in the examples are wrong. The first registration
            // takes the address and the name of the next ones.
            let known: &[u16] = match operation.name().as_str() {
                "POST /auth/login" | "POST /auth/refresh" => &[401],
                "POST /auth/register" => &[201, 409],
                "POST /auth/password" | "DELETE /users/me" => &[403],
                "PATCH /users/me" if required_only => &[200],
                "PATCH /users/me" => &[403],
                _ => &[200, 201, 204],
            };
            assert!(known.contains(&status), "{}: {answer:?}", operation.name());
            let documented = &document["paths"];
            let path = if operation.path.ends_with("/1") || operation.path.contains("/1/") {
                let id = if operation.path.starts_with("/notes") { "{note_id}" } else { "{task_id}" };
                operation.path.replace("/1", &format!("/{id}"))
            } else {
                operation.path.clone()
            };
            let responses = &documented[&path][operation.method.as_str().to_lowercase()]["responses"];
            assert!(
                responses.get(status.to_string()).is_some(),
                "{}: {status} is undocumented",
                operation.name()
            );
        }
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_documented_limit_is_enforced(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (server, token, _provider) = with_note_and_task(kind).await;
    let document = assert_complete(&server).await;
    let mut checked = 0;
    for operation in BodyOperation::all(&document) {
        for (field, property) in operation.properties() {
            let field_name = format!("{} {field}", operation.name());
            let send = async |text: String| {
                let mut body = operation.example(true);
                body.insert(field.clone(), json!(text));
                operation.send(&server, &token, &body).await
            };
            let assert_rejected = |answer: Answer, what: &str| {
                let issues = answer.issues();
                assert_eq!(issues.len(), 1, "{field_name}: {what}: {issues:?}");
                assert_eq!(issues[0].1, format!("body.{field}"), "{field_name}: {what}");
            };
            if let Some(max) = property["maxLength"].as_u64() {
                let max = usize::try_from(max).unwrap();
                let longest = send(text(&property, max)).await;
                assert_ne!(longest.status, 422, "{field_name}: {max} characters: {longest:?}");
                assert_rejected(send(text(&property, max + 1)).await, "one more");
                checked += 1;
            }
            if let Some(min) = property["minLength"].as_u64() {
                let min = usize::try_from(min).unwrap();
                let shortest = send(text(&property, min)).await;
                assert_ne!(shortest.status, 422, "{field_name}: {min} characters: {shortest:?}");
                assert_rejected(send(text(&property, min - 1)).await, "one less");
                checked += 1;
            }
            if property["anyOf"][0]["format"] == "date" {
                for date in ["", "2026-11-23", "2028-02-29"] {
                    assert_ne!(send(date.to_owned()).await.status, 422, "{field_name}: {date}");
                }
                for none in ["tomorrow", "2026-02-29", "2026-11-23T10:00:00Z"] {
                    assert_rejected(send(none.to_owned()).await, none);
                }
                checked += 1;
            }
            if let Some(pattern) = property["pattern"].as_str() {
                let (.., other) =
                    PATTERNS.iter().find(|(known, ..)| *known == pattern).expect("a known pattern");
                assert_rejected(send((*other).to_owned()).await, "no match");
                checked += 1;
            }
        }
    }
    assert!(checked > 40, "{checked}");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_documented_page_limit_is_enforced(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (server, token, _provider) = with_note_and_task(kind).await;
    let document = assert_complete(&server).await;
    for list in ["/notes", "/tasks", "/auth/events", "/users/me/usage"] {
        let parameters = document["paths"][list]["get"]["parameters"].as_array().unwrap();
        let named = |name: &str| parameters.iter().find(|parameter| parameter["name"] == name).unwrap();
        let (limit, cursor) = (&named("limit")["schema"], &named("cursor")["schema"]);
        assert_eq!(
            (&limit["minimum"], &limit["maximum"], &limit["default"]),
            (&json!(1), &json!(100), &json!(20))
        );
        assert_eq!(cursor["pattern"], "^[0-7][0-9a-f]{15}$");
        for parameter in parameters {
            assert_eq!((&parameter["in"], &parameter["required"]), (&json!("query"), &json!(false)));
        }
        let good = ["limit=1", "limit=100", "cursor=0000000000000001", "cursor=7fffffffffffffff"];
        let bad = [
            "limit=0",
            "limit=101",
            "limit=-1",
            "cursor=8000000000000000",
            "cursor=000000000000000A",
            "cursor=00000000000000001",
            "cursor=000000000000001",
            "cursor=%2B000000000000001",
        ];
        for query in good {
            server.get(&format!("{list}?{query}"), &token).await.expect(StatusCode::OK);
        }
        for query in bad {
            let (name, _) = query.split_once('=').unwrap();
            let issues = server.get(&format!("{list}?{query}"), &token).await.issues();
            assert_eq!(
                (issues.len(), issues[0].1.as_str()),
                (1, format!("query.{name}").as_str()),
                "{query}"
            );
        }
    }
}

#[tokio::test]
async fn documentation_pages_load_only_from_the_binary() {
    let server = Server::on(Kind::Sqlite).await;
    let document = Answer::of(server.request(Method::GET, "/openapi.json")).await.expect(StatusCode::OK);
    assert_eq!(document.header("content-type"), "application/json");
    for page in ["/docs", "/redoc"] {
        let answer = Answer::of(server.request(Method::GET, page)).await.expect(StatusCode::OK);
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        assert!(!answer.text.contains("//"), "{page} loads from another host: {}", answer.text);
        let parts = answer.text.split(['"', '\'']).collect::<Vec<_>>();
        let assets = parts.windows(2).filter(|pair| pair[0].ends_with("src=") || pair[0].ends_with("href="));
        let assets: BTreeSet<_> = assets.map(|pair| pair[1]).collect();
        assert!(assets.len() >= 3, "{page}: {assets:?}");
        for asset in assets {
            let path = url::Url::parse(&format!("{}{page}", server.url)).unwrap().join(asset).unwrap();
            let answer = Answer::of(server.client.get(path)).await.expect(StatusCode::OK);
            let media_type = match asset.rsplit_once('.').unwrap().1 {
                "js" => "text/javascript",
                "css" => "text/css",
                "png" => "image/png",
                other => panic!("{other}"),
            };
            let (essence, _) =
                answer.header("content-type").split_once(';').unwrap_or((answer.header("content-type"), ""));
            assert_eq!(essence, media_type, "{asset}");
            let bytes = answer.header("content-length").parse::<usize>().unwrap();
            assert!(bytes > 100, "{asset} has {bytes} bytes");
        }
    }
    for path in ["/docs/x.js", "/redoc/x.js", "/docs/index.html", "/docs/..%2f..%2fopenapi.json", "/docs/a/b"]
    {
        let answer = Answer::of(server.request(Method::GET, path)).await;
        answer.expect_detail(StatusCode::NOT_FOUND, "Not Found");
    }
    let slash =
        Answer::of(server.request(Method::GET, "/docs/")).await.expect(StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(slash.header("location"), "/docs");
    // The login form of Swagger UI sends these fields.
    server.register("ada").await;
    let form = [("grant_type", "password"), ("username", "ada"), ("password", PASSWORD), ("scope", "")];
    server.login_form(&form).await.expect(StatusCode::OK);
}

/// Returns the ranges of a class of characters, such as `\\u0041-\\u005az`.
fn ranges(class: &str) -> Vec<RangeInclusive<char>> {
    let escape = |hex: &str| u32::from_str_radix(hex, 16).ok().and_then(char::from_u32).unwrap();
    let mut ranges: Vec<RangeInclusive<char>> = Vec::new();
    let (mut rest, mut continues) = (class, false);
    while let Some(first) = rest.chars().next() {
        let length = if first == '\\' { "\\u0000".len() } else { first.len_utf8() };
        let (token, after) = rest.split_at(length);
        rest = after;
        let c = token.strip_prefix("\\u").map_or(first, escape);
        match ranges.last_mut() {
            _ if token == "-" => {}
            Some(range) if continues => *range = *range.start()..=c,
            _ => ranges.push(c..=c),
        }
        continues = token == "-";
    }
    ranges
}

#[test]
fn pattern_of_a_username_excludes_exactly_the_rejected_characters() {
    let class = USERNAME.strip_prefix(r"^(?=.*\S)[^").and_then(|rest| rest.strip_suffix("]*$")).unwrap();
    let excluded = ranges(class);
    for c in '\0'..=char::MAX {
        let is_excluded = excluded.iter().any(|range| range.contains(&c));
        assert_eq!(is_excluded, Username::parse(&format!("ada{c}")).is_err(), "U+{:04X}", u32::from(c));
    }
}
