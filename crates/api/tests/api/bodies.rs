//! Request bodies of every kind: too large, too slow, malformed, strange. Both databases give the same answer.

use futures_util::future::join_all;
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Answer, Kind, PASSWORD, Server, TEST_TIMEOUT};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// The most bytes of a body: of an account's, and of a note's or a task's.
const SMALL: usize = 16 * 1024;
const LARGE: usize = 1_250_000;

const NUL: &str = "Text must not contain the NUL character";

/// The service on each database, and a token of the one account there.
struct Pair([(Server, String); 2]);

impl Pair {
    async fn new() -> Self {
        let on = async |kind| {
            let server = Server::on(kind).await;
            let token = server.user("ada").await;
            (server, token)
        };
        Self([on(Kind::Sqlite).await, on(Kind::Postgres).await])
    }

    /// Sends the same to both; fails unless both answer the same.
    async fn send(&self, method: Method, path: &str, media_type: &str, body: impl Into<Vec<u8>>) -> Answer {
        let body = body.into();
        let mut answers = Vec::new();
        for (server, token) in &self.0 {
            let request = server.request(method.clone(), path).bearer_auth(token);
            let request =
                if media_type.is_empty() { request } else { request.header("content-type", media_type) };
            answers.push(Answer::of(request.body(body.clone())).await);
        }
        let [ours, theirs] = <[Answer; 2]>::try_from(answers).unwrap();
        assert_eq!(
            comparable(&ours),
            comparable(&theirs),
            "{method} {path}: the databases answer differently"
        );
        ours
    }

    async fn json(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.send(method, path, JSON, body.to_string()).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.json(Method::POST, path, body).await
    }
}

/// An answer without what differs from one request to the next.
fn comparable(answer: &Answer) -> (u16, String, String) {
    let text = match serde_json::from_str::<Value>(&answer.text) {
        Ok(Value::Object(mut object)) => {
            for changing in ["created_at", "updated_at", "access_token", "refresh_token"] {
                object.remove(changing);
            }
            Value::Object(object).to_string()
        }
        _ => answer.text.clone(),
    };
    (answer.status, answer.header("content-type").to_owned(), text)
}

/// The kind and the place of each problem.
#[track_caller]
fn problems(answer: &Answer) -> Vec<(String, String)> {
    answer.issues().into_iter().map(|(kind, place, _)| (kind, place)).collect()
}

#[track_caller]
fn assert_problem(answer: &Answer, kind: &str, place: &str) {
    assert_eq!(problems(answer), [(kind.to_owned(), place.to_owned())], "{answer:?}");
}

/// Fails unless the text is refused as JSON.
#[track_caller]
fn assert_malformed(name: &str, answer: &Answer) {
    let issues = answer.issues();
    assert_eq!(
        (issues.len(), issues[0].0.as_str(), issues[0].2.as_str()),
        (1, "json_invalid", "JSON decode error"),
        "{name}"
    );
    assert!(issues[0].1.strip_prefix("body.").is_some_and(|place| place.parse::<usize>().is_ok()), "{name}");
}

/// Fails unless it is the answer to a body that did not come; that it is whole means that the connection was closed.
#[track_caller]
fn assert_given_up(answer: Answer) {
    let sentence = "The request body did not arrive in time";
    let answer = answer.expect_detail(reqwest::StatusCode::REQUEST_TIMEOUT, sentence);
    assert_eq!((answer.header("connection"), answer.header("cache-control")), ("close", "no-store"));
}

/// A registration of exactly so many bytes.
fn registration_of(size: usize) -> String {
    let body = json!({ "email": "new@example.com", "username": "new", "password": PASSWORD }).to_string();
    format!("{body}{}", " ".repeat(size - body.len()))
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_announced_as_too_large_is_not_waited_for(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    let paths = [
        ("POST /auth/register", SMALL),
        ("POST /auth/login", SMALL),
        ("POST /notes", LARGE),
        ("PUT /tasks/1", LARGE),
    ];
    for (line, limit) in paths {
        let media_type = if line.ends_with("login") { FORM } else { JSON };
        let head = format!(
            "{line} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\r\n",
            limit + 1
        );
        let answer = server.raw(head.as_bytes()).await;
        let sentence = format!("The request body is larger than {limit} bytes");
        let answer = answer.expect_detail(reqwest::StatusCode::PAYLOAD_TOO_LARGE, &sentence);
        assert_eq!(answer.header("connection"), "close", "{line}");
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chunked_body_is_counted(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let ask = async |body: &str, media_type: &str, path: &str| {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: {media_type}\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        let chunks: Vec<_> = body
            .as_bytes()
            .chunks(1_000)
            .map(|chunk| format!("{:x}\r\n{}\r\n", chunk.len(), str::from_utf8(chunk).unwrap()))
            .collect();
        server.raw(format!("{head}{}0\r\n\r\n", chunks.concat()).as_bytes()).await
    };
    let too_large = ask(&registration_of(SMALL + 1), JSON, "/auth/register").await;
    let sentence = "The request body is larger than 16384 bytes";
    too_large.expect_detail(reqwest::StatusCode::PAYLOAD_TOO_LARGE, sentence);
    ask(&registration_of(SMALL), JSON, "/auth/register").await.expect(reqwest::StatusCode::CREATED);
    let form = format!("username=new&password={PASSWORD}&scope=");
    let filled = |size: usize| format!("{form}{}", "x".repeat(size - form.len()));
    ask(&filled(SMALL), FORM, "/auth/login").await.expect(reqwest::StatusCode::OK);
    let too_large = ask(&filled(SMALL + 1), FORM, "/auth/login").await;
    too_large.expect_detail(reqwest::StatusCode::PAYLOAD_TOO_LARGE, sentence);
    let part = |size: usize| {
        let (head, tail) =
            ("--limit\r\nContent-Disposition: form-data; name=\"scope\"\r\n\r\n", "\r\n--limit--\r\n");
        format!("{head}{}{tail}", "x".repeat(size - head.len() - tail.len()))
    };
    let multipart = "multipart/form-data; boundary=limit";
    assert_eq!(problems(&ask(&part(SMALL), multipart, "/auth/login").await).len(), 2);
    let too_large = ask(&part(SMALL + 1), multipart, "/auth/login").await;
    too_large.expect_detail(reqwest::StatusCode::PAYLOAD_TOO_LARGE, sentence);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_stalls_is_given_up(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let stalled = [
        ("/auth/register", JSON, "{\"email\":"),
        ("/auth/login", FORM, "username=ada&"),
        ("/auth/login", "multipart/form-data; boundary=b", "--b\r\nContent-"),
    ];
    let answers = stalled.map(async |(path, media_type, body)| {
        let head = format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {media_type}\r\n");
        server.raw(format!("{head}Content-Length: 100\r\n\r\n{body}").as_bytes()).await
    });
    for answer in join_all(answers).await {
        assert_given_up(answer);
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chunked_body_that_stalls_is_given_up(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let stalled = ["8\r\nusername\r\n", "ff\r\nusername"].map(async |chunks| {
        let head = format!("POST /auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: {FORM}\r\n");
        server.raw(format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunks}").as_bytes()).await
    });
    for answer in join_all(stalled).await {
        assert_given_up(answer);
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_nobody_reads_is_let_go(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let bodies = [
        "Content-Length: 100\r\n\r\nhalf".to_owned(),
        "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n".to_owned(),
    ];
    let long = format!("Transfer-Encoding: chunked\r\n\r\n4100\r\n{}\r\n", "x".repeat(0x4100));
    let early = [("POST /notes", 401), ("POST /nowhere", 404), ("PUT /notes", 405), ("GET /", 200)];
    let early = early.iter().flat_map(|early| bodies.iter().map(move |body| (early, body)));
    let all = early.chain([(&("POST /auth/register", 413), &long)]);
    let answers = all.map(async |((line, status), body)| {
        let head = format!("{line} HTTP/1.1\r\nHost: a\r\nContent-Type: {JSON}\r\n");
        let answer = server.raw(format!("{head}{body}").as_bytes()).await;
        assert_eq!(answer.status, *status, "{line}");
    });
    join_all(answers).await;
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_stalls_is_closed(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let halves = ["", "GET / HTTP/1.1\r\nHost: a\r\n"].map(async |half| {
        let mut socket = TcpStream::connect(server.address()).await.unwrap();
        socket.write_all(half.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    });
    let closed = tokio::time::timeout(std::time::Duration::from_secs(30), join_all(halves)).await;
    for answer in closed.expect("both are closed") {
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
    assert_eq!(Answer::of(server.request(Method::GET, "/")).await.status, 200);
}

#[tokio::test]
async fn only_json_is_taken_for_json() {
    let pair = Pair::new().await;
    let note = r#"{"title":"t","content":"c"}"#;
    for media_type in [
        JSON,
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/merge-patch+json",
        "application/json;",
    ] {
        let answer = pair.send(Method::POST, "/notes", media_type, note).await;
        assert_eq!(answer.status, 201, "{media_type}: {answer:?}");
    }
    let multipart = "multipart/form-data; boundary=x";
    for media_type in
        ["", "text/plain", "text/json", "application/jsonx", "application/xml", FORM, multipart, ";"]
    {
        for (method, path) in
            [(Method::POST, "/notes"), (Method::PUT, "/notes/1"), (Method::PATCH, "/users/me")]
        {
            let answer = pair.send(method, path, media_type, note).await;
            answer.expect_detail(
                reqwest::StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "The request body must be application/json",
            );
        }
    }
    // The login takes any other body for a form without fields, as FastAPI does.
    for media_type in ["", JSON, "text/plain"] {
        let answer =
            pair.send(Method::POST, "/auth/login", media_type, "username=ada&password=pass123word").await;
        let missing = |field: &str| ("missing".to_owned(), format!("body.{field}"));
        assert_eq!(problems(&answer), [missing("username"), missing("password")], "{media_type}");
    }
}

#[tokio::test]
async fn malformed_json_is_refused() {
    let pair = Pair::new().await;
    let deep = "[".repeat(100_000);
    let deep_object = r#"{"a":"#.repeat(100_000);
    let closed = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let table: [(&str, Vec<u8>); 17] = [
        ("brace", "{".into()),
        ("text", "nope".into()),
        ("single quotes", "{'title':'t','content':'c'}".into()),
        ("trailing comma", r#"{"title":"t","content":"c",}"#.into()),
        ("two values", r#"{"title":"t","content":"c"}{}"#.into()),
        ("comment", r#"{"title":"t",/**/"content":"c"}"#.into()),
        ("leading zero", r#"{"title":"t","content":"c","n":01}"#.into()),
        ("control character", b"{\"title\":\"a\nb\",\"content\":\"c\"}".to_vec()),
        ("bad escape", r#"{"title":"\x41","content":"c"}"#.into()),
        ("lone surrogate", r#"{"title":"t","content":"\udc00"}"#.into()),
        ("two byte order marks", "\u{feff}\u{feff}{}".into()),
        ("UTF-16", "{\"title\":\"t\"}".encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("bytes that are no UTF-8", b"{\"title\":\"\xff\xfe\",\"content\":\"c\"}".to_vec()),
        ("half a character", b"{\"title\":\"t\",\"content\":\"\xf0\x9f\x8e\"}".to_vec()),
        ("a hundred thousand lists", deep.into()),
        ("a hundred thousand objects", deep_object.into()),
        ("a hundred thousand closed lists", closed.into()),
    ];
    for (name, body) in table {
        assert_malformed(name, &pair.send(Method::POST, "/notes", JSON, body).await);
    }
    let inside = format!(r#"{{"title":{}{},"content":"c"}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert_malformed("in a field", &pair.send(Method::POST, "/notes", JSON, inside).await);
    for (server, _) in &pair.0 {
        assert_eq!(Answer::of(server.request(Method::GET, "/health/ready")).await.status, 200);
        assert_eq!(server.query("SELECT count(*) FROM notes"), "0");
    }
}

#[tokio::test]
async fn what_is_no_object_is_told_so() {
    let pair = Pair::new().await;
    for (method, path) in
        [(Method::POST, "/notes"), (Method::PATCH, "/tasks/1"), (Method::DELETE, "/users/me")]
    {
        assert_problem(&pair.send(method.clone(), path, JSON, "").await, "missing", "body");
        for body in ["[]", r#"["t","c"]"#, "7", "null", "true", r#""text""#, "\u{feff}[]", " [] "] {
            let answer = pair.send(method.clone(), path, JSON, body).await;
            assert_problem(&answer, "model_attributes_type", "body");
        }
    }
    let marked =
        pair.send(Method::POST, "/notes", JSON, "\u{feff} {\"title\":\"t\",\"content\":\"c\"}\n").await;
    assert_eq!(marked.status, 201, "{marked:?}");
}

#[tokio::test]
async fn nul_is_refused_in_every_text() {
    let pair = Pair::new().await;
    let (note, task) =
        (json!({ "title": "t", "content": "c" }), json!({ "title": "t", "content": "c", "city": "x" }));
    assert_eq!(pair.post("/notes", &note).await.status, 201);
    assert_eq!(pair.post("/tasks", &task).await.status, 201);
    let account = json!({ "email": "new@example.com", "username": "new", "password": PASSWORD });
    let bodies = [
        (Method::POST, "/notes", &note),
        (Method::PUT, "/notes/1", &note),
        (Method::PATCH, "/notes/1", &note),
        (Method::POST, "/tasks", &task),
        (Method::PUT, "/tasks/1", &task),
        (Method::PATCH, "/tasks/1", &task),
        (Method::POST, "/auth/register", &account),
        (Method::PATCH, "/users/me", &json!({ "email": "new@example.com", "username": "new" })),
    ];
    for (method, path, body) in bodies {
        for field in body.as_object().unwrap().keys().filter(|field| *field != "password") {
            for text in ["\0", "a\0b\0c", "abc\0"] {
                let mut body = body.clone();
                let good = body[field].as_str().unwrap().to_owned();
                body[field] = json!(if field == "email" { format!("{text}{good}") } else { text.to_owned() });
                let answer = pair.json(method.clone(), path, &body).await;
                let problems = problems(&answer);
                let place = format!("body.{field}");
                assert!(
                    problems.contains(&("value_error".to_owned(), place.clone())),
                    "{method} {path}: {answer:?}"
                );
                assert!(problems.iter().all(|(_, other)| *other == place), "{method} {path}: {answer:?}");
                assert!(field == "email" || answer.text.contains(NUL), "{method} {path}: {answer:?}");
            }
        }
    }
    // A password is hashed and not stored: any character will do.
    let mut body = account.clone();
    body["password"] = json!("a\0b\0c1");
    assert_eq!(pair.post("/auth/register", &body).await.status, 201);
    for (name, password, status) in [("new", "a%00b%00c1", 200), ("new", "a", 401)] {
        let form = format!("username={name}&password={password}");
        assert_eq!(pair.send(Method::POST, "/auth/login", FORM, form).await.status, status);
    }
    for (server, token) in &pair.0 {
        for path in ["/notes/1", "/tasks/1"] {
            assert_eq!(server.get(path, token).await.json()["title"], "t", "nothing has changed");
        }
    }
}

#[tokio::test]
async fn nul_is_no_different_where_a_text_is_looked_for() {
    let pair = Pair::new().await;
    for name in ["%00", "a%00b", "ada%00", "ada%00@example.com", "%00@"] {
        let form = format!("username={name}&password={PASSWORD}");
        let answer = pair.send(Method::POST, "/auth/login", FORM, form).await;
        answer.expect_detail(reqwest::StatusCode::UNAUTHORIZED, "Incorrect username or password");
    }
    for path in ["/notes/%00", "/notes/1%00", "/tasks/a%00"] {
        let place = if path.starts_with("/notes") { "path.note_id" } else { "path.task_id" };
        assert_problem(&pair.send(Method::GET, path, "", "").await, "int_parsing", place);
    }
    assert_problem(&pair.send(Method::GET, "/notes?cursor=%00", "", "").await, "value_error", "query.cursor");
    assert_problem(&pair.send(Method::GET, "/notes?limit=%00", "", "").await, "int_parsing", "query.limit");
}

#[tokio::test]
async fn a_million_combining_marks_are_only_characters() {
    let pair = Pair::new().await;
    let zalgo = |marks: usize| format!("a{}", "\u{301}".repeat(marks));
    let million = zalgo(1_000_000);
    for (path, field) in
        [("/notes", "title"), ("/notes", "content"), ("/tasks", "city"), ("/auth/register", "username")]
    {
        let answer = pair.post(path, &json!({ field: million })).await;
        assert_eq!(answer.status, 413, "{path} {field}");
    }
    let form = format!("username={}&password={PASSWORD}", zalgo(8_000));
    assert_eq!(pair.send(Method::POST, "/auth/login", FORM, form).await.status, 401);
    let body = json!({ "title": "t", "content": zalgo(600_000) });
    assert_problem(&pair.post("/notes", &body).await, "string_too_long", "body.content");
    let body = json!({ "title": zalgo(199), "content": zalgo(99_999) });
    let note = pair.post("/notes", &body).await;
    assert_eq!(note.status, 201);
    assert!(
        note.json()["content"] == body["content"] && note.json()["title"] == body["title"],
        "nothing is composed"
    );
    let body =
        json!({ "email": "new@example.com", "username": zalgo(49), "password": format!("{}1", zalgo(126)) });
    assert_eq!(pair.post("/auth/register", &body).await.json()["username"], body["username"]);
    let body =
        json!({ "email": format!("{}@example.com", zalgo(3_000)), "username": "abc", "password": PASSWORD });
    assert_problem(&pair.post("/auth/register", &body).await, "value_error", "body.email");
}

#[tokio::test]
async fn lengths_are_counted_in_characters() {
    let pair = Pair::new().await;
    let cakes = |count: usize| "🎂".repeat(count);
    // As long as can be, in the longest way to write it: twelve bytes for a character.
    let escaped = |body: &Value| body.to_string().replace('🎂', "\\ud83c\\udf82");
    let note = json!({ "title": cakes(200), "content": cakes(100_000) });
    let task = json!({ "title": cakes(200), "content": cakes(100_000), "city": cakes(100) });
    let account =
        json!({ "email": "new@example.com", "username": cakes(50), "password": format!("{}1", cakes(127)) });
    for (path, body) in [("/notes", &note), ("/tasks", &task), ("/auth/register", &account)] {
        assert_eq!(pair.post(path, body).await.status, 201, "{path}");
        for (field, text) in body.as_object().unwrap() {
            let mut body = body.clone();
            if field == "email" {
                continue;
            }
            body[field] = json!(format!("{}🎂", text.as_str().unwrap()));
            assert_problem(&pair.post(path, &body).await, "string_too_long", &format!("body.{field}"));
        }
    }
    for (path, body) in [("/notes", &note), ("/tasks", &task)] {
        let answer = pair.send(Method::POST, path, JSON, escaped(body)).await;
        assert_eq!(answer.status, 201, "{path}");
        for field in ["title", "content"] {
            assert!(answer.json()[field] == body[field], "{path}: {field} is not what was sent");
        }
    }
    let short =
        json!({ "email": "new2@example.com", "username": cakes(2), "password": format!("{}1", cakes(4)) });
    let kinds =
        ["body.username", "body.password"].map(|place| ("string_too_short".to_owned(), place.to_owned()));
    assert_eq!(problems(&pair.post("/auth/register", &short).await), kinds);
}

#[tokio::test]
async fn fields_are_read_as_pydantic_reads_them() {
    let pair = Pair::new().await;
    let twice = r#"{"title":1,"title":"a","content":"x","content":"y","title":"b"}"#;
    let note = pair.send(Method::POST, "/notes", JSON, twice).await;
    assert_eq!(
        (note.status, &note.json()["title"], &note.json()["content"]),
        (201, &json!("b"), &json!("y"))
    );
    let twice = r#"{"title":"a","content":"x","title":1}"#;
    assert_problem(&pair.send(Method::POST, "/notes", JSON, twice).await, "string_type", "body.title");

    let unknown = json!({ "title": "t", "content": "c", "id": 77, "user_id": 2, "created_at": "x", "": null, "a": [{}] });
    let note = pair.post("/notes", &unknown).await;
    assert_eq!((note.status, &note.json()["id"]), (201, &json!(2)));

    for (path, body) in [
        ("/tasks", json!({ "title": "t", "content": "c", "city": "x", "user_id": null })),
        (
            "/auth/register",
            json!({ "email": "new@example.com", "username": "new", "password": PASSWORD, "confirm_password": null }),
        ),
    ] {
        assert_eq!(pair.post(path, &body).await.status, 201, "{path}");
    }
    for (path, body) in [
        ("/notes/1", json!({ "title": null, "content": null })),
        ("/tasks/1", json!({ "title": null, "content": null, "city": null, "user_id": null })),
    ] {
        let before = pair.send(Method::GET, path, "", "").await.json();
        let after = pair.json(Method::PATCH, path, &body).await.expect(reqwest::StatusCode::OK).json();
        assert_eq!((&after["title"], &after["content"]), (&before["title"], &before["content"]), "{path}");
    }
    let null = pair.post("/notes", &json!({ "title": null, "content": null })).await;
    let wanted = ["body.title", "body.content"].map(|place| ("string_type".to_owned(), place.to_owned()));
    assert_eq!(problems(&null), wanted);
    for value in [json!(7), json!(7.5), json!(true), json!([]), json!({}), json!(["t"])] {
        let answer = pair.post("/notes", &json!({ "title": value, "content": "c" })).await;
        assert_problem(&answer, "string_type", "body.title");
        let login = json!({ "email": "x@example.com", "username": "abc", "password": value });
        let answer = pair.post("/auth/register", &login).await;
        assert_problem(&answer, "string_type", "body.password");
        assert_eq!(answer.json()["detail"][0].get("input"), None, "{answer:?}");
    }
    let task = |user_id: Value| json!({ "title": "t", "content": "c", "city": "x", "user_id": user_id });
    for good in [json!(1), json!("1"), json!(1.0), json!(" 1 "), json!("1.0"), json!("01"), json!(true)] {
        assert_eq!(pair.post("/tasks", &task(good.clone())).await.status, 201, "{good}");
    }
    for other in [json!(2), json!("2"), json!(0), json!(-1), json!(false), json!(i64::MAX), json!(1e15)] {
        assert_eq!(pair.post("/tasks", &task(other.clone())).await.status, 403, "{other}");
    }
    for (bad, kind) in [
        (json!("x"), "int_parsing"),
        (json!(""), "int_parsing"),
        (json!("1.5"), "int_parsing"),
        (json!(1.5), "int_from_float"),
        (json!([]), "int_type"),
        (json!({}), "int_type"),
    ] {
        assert_problem(&pair.post("/tasks", &task(bad)).await, kind, "body.user_id");
    }
}
