//! The headers of every response: security, caching and the request id.

use std::collections::BTreeSet;

use reqwest::header::HeaderValue;
use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::harness::operations::{assert_complete, operations};
use crate::harness::{Answer, Kind, PASSWORD, Server, Start, TEST_TIMEOUT, eventually, provider, weather};

const API_POLICY: &str = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'";

/// The documentation and its assets, which are the only responses that clients may cache.
const DOCUMENTS: [&str; 10] = [
    "/openapi.json",
    "/docs",
    "/docs/initializer.js",
    "/docs/swagger-ui.css",
    "/docs/swagger-ui-bundle.js",
    "/docs/favicon-16x16.png",
    "/docs/favicon-32x32.png",
    "/redoc",
    "/redoc/initializer.js",
    "/redoc/redoc.standalone.js",
];

/// Checks the headers of every response.
#[track_caller]
fn assert_security_headers(name: &str, answer: &Answer) {
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{name}");
    assert_eq!(answer.header("referrer-policy"), "no-referrer", "{name}");
    assert!(!answer.header("x-request-id").is_empty(), "{name}");
    for absent in ["server", "x-powered-by", "access-control-allow-origin", "set-cookie"] {
        assert!(!answer.headers.contains_key(absent), "{name}: {absent}");
    }
    for (name, _) in &answer.headers {
        assert_eq!(answer.headers.get_all(name).iter().count(), 1, "{name} is repeated");
    }
}

/// Checks the headers of every response except the documentation.
#[track_caller]
fn assert_private(name: &str, answer: &Answer) {
    assert_security_headers(name, answer);
    assert_eq!(answer.header("content-security-policy"), API_POLICY, "{name}");
    assert_eq!(answer.header("cache-control"), "no-store", "{name}");
}

/// Checks an error. `detail` is a list of problems for a 422, and otherwise a sentence.
#[track_caller]
fn assert_error(name: &str, answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{name}: {answer:?}");
    assert_private(name, answer);
    assert_eq!(answer.header("content-type"), "application/json", "{name}");
    let json = answer.json();
    let names: Vec<_> = json.as_object().unwrap().keys().collect();
    assert_eq!(names, ["detail"], "{name}");
    assert_eq!(json["detail"].is_array(), status == 422, "{name}");
    assert_eq!(json["detail"].is_string(), status != 422, "{name}");
    assert_eq!(answer.headers.contains_key("www-authenticate"), status == 401, "{name}");
    assert_eq!(answer.headers.contains_key("allow"), status == 405, "{name}");
}

/// Returns the lines that the service has logged about the requests with this `X-Request-Id`.
fn lines(server: &Server, id: &str) -> Vec<Value> {
    let has_id =
        |line: &Value| ["request_id", "client_request_id"].iter().any(|name| line["span"][*name] == id);
    server.log_lines().into_iter().filter(has_id).collect()
}

/// Returns the line that the service logs once for each response.
async fn line(server: &Server, id: &str) -> Value {
    let answered = || lines(server, id).into_iter().filter(|line| line["message"] == "answered");
    eventually("a line in the log", || async { answered().next().is_some() }).await;
    let mut answered: Vec<_> = answered().collect();
    assert_eq!(answered.len(), 1, "{answered:?}");
    answered.remove(0)
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn head_returns_the_headers_of_get_without_a_body(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    let note = serde_json::json!({ "title": "Groceries", "content": "Milk" });
    server.post("/notes", &token, &note).await.expect(StatusCode::CREATED);
    for path in [
        "/",
        "/notes",
        "/notes/1",
        "/notes/2",
        "/users/me",
        "/tasks",
        "/openapi.json",
        "/docs",
        "/redoc/initializer.js",
    ] {
        let send = |method| Answer::of(server.request(method, path).bearer_auth(&token));
        let (get, head) = (send(Method::GET).await, send(Method::HEAD).await);
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(head.text, "", "{path}");
        for name in ["content-type", "content-length", "cache-control"] {
            assert_eq!(head.header(name), get.header(name), "{path}: {name}");
        }
        assert_eq!(get.header("content-length"), get.text.len().to_string(), "{path}");
    }
    let without_token = Answer::of(server.request(Method::HEAD, "/notes")).await;
    assert_eq!(without_token.status, 401);
    let not_allowed = Answer::of(server.request(Method::HEAD, "/auth/login")).await;
    assert_eq!((not_allowed.status, not_allowed.header("allow")), (405, "POST"));
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_returns_the_security_headers(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (provider, weather) = (provider::summarizing("A list.").await, weather::of_lisbon().await);
    let server = Start::on(kind)
        .with_provider(&provider.uri())
        .with_weather(&weather.uri(), &weather.uri())
        .start()
        .await;
    assert_complete(&server).await;
    let mut token = server.user("ada").await;
    for operation in operations() {
        let request = operation.request(&server, "1");
        let request = if operation.secured { request.bearer_auth(&token) } else { request };
        let (name, answer) = (operation.name(), Answer::of(request).await);
        if operation.ends_session() {
            token = server.login("ada").await;
        }
        assert_eq!(answer.status, operation.status, "{name}: {answer:?}");
        assert_private(&name, &answer);
        let media_type = match operation.path {
            "/metrics" => "text/plain; version=0.0.4; charset=utf-8",
            _ if answer.status == 204 => "",
            _ => "application/json",
        };
        assert_eq!(answer.header("content-type"), media_type, "{name}");
        assert_eq!(answer.headers.contains_key("location"), answer.status == 201, "{name}");
        assert_eq!(answer.text.is_empty(), answer.status == 204, "{name}");
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_error_has_the_security_headers_and_one_shape(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let provider = provider::answering(ResponseTemplate::new(400)).await;
    let server = Start::on(kind).with_provider(&provider.uri()).start().await;
    let token = server.user("ada").await;
    let note = json!({ "title": "t", "content": "c" });
    server.post("/notes", &token, &note).await.expect(StatusCode::CREATED);
    let (get, post) = (Method::GET, Method::POST);
    let request = |method: &Method, path: &str| server.request(method.clone(), path).bearer_auth(&token);
    let login = |form: &'static str| {
        let request = server.request(Method::POST, "/auth/login");
        request.header("content-type", "application/x-www-form-urlencoded").body(form)
    };
    let registration = json!({ "email": "ada@example.com", "username": "ada", "password": PASSWORD });
    let wrong = json!({ "current_password": "wrong1word" });
    let foreign = json!({ "title": "t", "content": "c", "city": "x", "user_id": 999 });
    let table = [
        ("no token", 401, server.request(get.clone(), "/notes")),
        ("bad token", 401, server.request(get.clone(), "/notes").bearer_auth("a.b.c")),
        ("wrong login", 401, login("username=ada&password=wrong1word")),
        ("wrong password", 403, request(&Method::DELETE, "/users/me").json(&wrong)),
        ("another's task", 403, request(&post, "/tasks").json(&foreign)),
        ("unknown path", 404, server.request(get.clone(), "/nowhere")),
        ("unknown path below", 404, server.request(get.clone(), "/notes/1/2/3")),
        ("unknown asset", 404, server.request(get.clone(), "/docs/nothing.js")),
        ("unknown note", 404, request(&get, "/notes/999")),
        ("wrong method", 405, request(&Method::DELETE, "/notes")),
        ("wrong method at the login", 405, server.request(get.clone(), "/auth/login")),
        ("wrong method at a document", 405, server.request(post.clone(), "/openapi.json")),
        ("preflight", 405, server.request(Method::OPTIONS, "/notes").header("origin", "http://a.example")),
        ("conflict", 409, server.request(post.clone(), "/auth/register").json(&registration)),
        ("too large", 413, server.request(post.clone(), "/auth/register").body("x".repeat(16 * 1024 + 1))),
        ("wrong media type", 415, request(&post, "/notes").header("content-type", "text/plain").body("x")),
        ("malformed", 422, request(&post, "/notes").header("content-type", "application/json").body("{")),
        ("invalid body", 422, request(&post, "/notes").json(&json!({}))),
        ("invalid form", 422, login("username=ada")),
        ("invalid query", 422, request(&get, "/notes?limit=0")),
        ("invalid id", 422, request(&get, "/notes/x")),
        ("a provider that fails", 502, request(&post, "/notes/1/summarize")),
    ];
    let mut statuses = BTreeSet::new();
    for (name, status, request) in table {
        assert_error(name, &Answer::of(request).await, status);
        statuses.insert(status);
    }
    assert_eq!(statuses, BTreeSet::from([401, 403, 404, 405, 409, 413, 415, 422, 502]));
    let redirect = Answer::of(request(&get, "/notes/")).await.expect(StatusCode::TEMPORARY_REDIRECT);
    assert_private("redirect", &redirect);

    // The service never drops a table, so a missing one is an internal error.
    server.execute("DROP TABLE tasks");
    let fault = Answer::of(request(&get, "/tasks").header("x-request-id", "fault-1")).await;
    assert_error("fault", &fault, 500);
    assert_eq!(fault.text, r#"{"detail":"Internal Server Error"}"#);
    let line = line(&server, "fault-1").await;
    assert_eq!((&line["level"], &line["status"]), (&json!("ERROR"), &json!(500)));
    assert!(!line["error"].as_str().unwrap().is_empty(), "{line}");
    assert_eq!(Answer::of(server.request(get, "/health/live")).await.status, 200);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn summarize_returns_503_if_the_summarizer_is_off(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Start::on(kind).with("DAYBOOK_SUMMARIZER", "off").start().await;
    let token = server.user("ada").await;
    let note = json!({ "title": "t", "content": "c" });
    server.post("/notes", &token, &note).await.expect(StatusCode::CREATED);
    assert_error("no provider", &server.post("/notes/1/summarize", &token, &json!({})).await, 503);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_request_id_of_the_response_is_that_of_the_client_or_generated(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = Server::on(kind).await;
    let send = async |id: Option<HeaderValue>| {
        let request = server.request(Method::GET, "/notes?secret=query");
        let request = match id {
            Some(id) => request.header("x-request-id", id),
            None => request,
        };
        Answer::of(request).await.expect(StatusCode::UNAUTHORIZED).header("x-request-id").to_owned()
    };
    let (one, two) = (send(None).await, send(None).await);
    assert_ne!(one, two);
    let longest = "x".repeat(128);
    let good = ["a", "req-1/2:3", r#""},{"level":"ERROR"#, longest.as_str()];
    for id in good {
        assert_eq!(send(Some(id.parse().unwrap())).await, id);
    }
    let longer = "x".repeat(129);
    let bad: [&[u8]; 6] = [b"", b"a b", b"a\tb", b"\xe4", b"a\xc2\x85", longer.as_bytes()];
    let mut ids: BTreeSet<String> = [one.clone(), two].into();
    for id in bad {
        let made = send(Some(HeaderValue::from_bytes(id).unwrap())).await;
        assert!((1..=128).contains(&made.len()) && made.bytes().all(|b| b.is_ascii_graphic()), "{made}");
        assert!(made.as_bytes() != id && made != longer[..128], "{made}");
        ids.insert(made);
    }
    assert_eq!(ids.len(), 8, "every id is different: {ids:?}");
    for id in good.into_iter().chain([one.as_str()]) {
        let line = line(&server, id).await;
        assert_eq!(line["status"], 401, "{line}");
        assert_eq!((&line["span"]["method"], &line["span"]["path"]), (&json!("GET"), &json!("/notes")));
        assert!(line["took_ms"].as_f64().unwrap() >= 0.0);
        let from_client = if id == one { Value::Null } else { json!(id) };
        assert_eq!(line["span"]["client_request_id"], from_client);
        assert_eq!(line["span"]["request_id"] == id, id == one, "{line}");
    }
    assert!(!server.log().contains("secret=query"), "a query may contain private data");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_with_one_client_id_have_different_ids_in_every_line(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = Server::on(kind).await;
    server.register("ada").await;
    // The event of a failed login cannot be stored, so a line is logged behind the response.
    server.execute("ALTER TABLE events RENAME COLUMN user_agent TO other");
    let wrong_login = async |id: &str| {
        let request = server.request(Method::POST, "/auth/login").header("x-request-id", id);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = Answer::of(request.body("username=ada&password=wrong1word")).await;
        assert_eq!((answer.status, answer.header("x-request-id")), (401, id));
    };
    for _ in 0..2 {
        wrong_login("same").await;
    }
    let count =
        |message: &str| lines(&server, "same").iter().filter(|line| line["message"] == message).count();
    eventually("all lines", || async { count("an event was not stored") == 2 }).await;
    let mut ids = BTreeSet::new();
    for message in ["event", "answered", "an event was not stored"] {
        let of_message = lines(&server, "same").into_iter().filter(|line| line["message"] == message);
        let of_message: BTreeSet<_> =
            of_message.map(|line| line["span"]["request_id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(of_message.len(), 2, "{message}: {of_message:?}");
        ids.extend(of_message);
    }
    assert_eq!(ids.len(), 2, "all lines of a request have one id: {ids:?}");
    assert!(!ids.contains("same"));
    // A client cannot choose the id of another request.
    let forged = ids.first().unwrap();
    wrong_login(forged).await;
    let is_forged = |line: &Value| line["span"]["client_request_id"] == forged.as_str();
    eventually("the lines", || async {
        lines(&server, forged).iter().filter(|line| is_forged(line)).count() == 3
    })
    .await;
    for line in lines(&server, forged).iter().filter(|line| is_forged(line)) {
        assert!(!ids.contains(line["span"]["request_id"].as_str().unwrap()), "{line}");
    }
}

#[tokio::test]
async fn documents_are_cacheable_and_run_only_own_scripts() {
    let server = Server::on(Kind::Sqlite).await;
    for path in DOCUMENTS {
        let answer = Answer::of(server.request(Method::GET, path)).await.expect(StatusCode::OK);
        assert_security_headers(path, &answer);
        let asset = path.matches('/').count() == 2;
        let cache = if asset { "public, max-age=86400" } else { "no-cache" };
        assert_eq!(answer.header("cache-control"), cache, "{path}");
        let policy = answer.header("content-security-policy");
        if ["/docs", "/redoc"].contains(&path) {
            let rules: BTreeSet<_> = policy.split(';').map(str::trim).collect();
            for rule in
                ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"]
            {
                assert!(rules.contains(rule), "{path}: {policy}");
            }
            assert!(!policy.contains("unsafe-eval") && !policy.contains("http"), "{path}: {policy}");
        } else {
            assert_eq!(policy, API_POLICY, "{path}");
        }
    }
}
