//! JSON bodies: media type, syntax, and the types and lengths of fields.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Answer, Kind, PASSWORD, Server};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

const NUL: &str = "Text must not contain the NUL character";

/// One service on each database, with the token of its only account.
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

    /// Sends the same request to both services. Fails unless both responses are the same.
    async fn send(&self, method: Method, path: &str, media_type: &str, body: impl Into<Vec<u8>>) -> Answer {
        let body = body.into();
        let mut answers = Vec::new();
        for (server, token) in &self.0 {
            let request = server.request(method.clone(), path).bearer_auth(token);
            let request =
                if media_type.is_empty() { request } else { request.header("content-type", media_type) };
            answers.push(Answer::of(request.body(body.clone())).await);
        }
        let [sqlite, postgres] = <[Answer; 2]>::try_from(answers).unwrap();
        assert_eq!(
            comparable(&sqlite),
            comparable(&postgres),
            "{method} {path}: the responses differ between the databases"
        );
        sqlite
    }

    /// Sends a JSON body to both services.
    async fn json(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.send(method, path, JSON, body.to_string()).await
    }

    /// Posts a JSON body to both services.
    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.json(Method::POST, path, body).await
    }
}

/// Returns the response without the parts that differ between two equal requests.
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

/// Returns the type and the location of each problem.
#[track_caller]
fn problems(answer: &Answer) -> Vec<(String, String)> {
    answer.issues().into_iter().map(|(kind, location, _)| (kind, location)).collect()
}

#[track_caller]
fn assert_problem(answer: &Answer, kind: &str, location: &str) {
    assert_eq!(problems(answer), [(kind.to_owned(), location.to_owned())], "{answer:?}");
}

/// Fails unless the body was rejected as malformed JSON.
#[track_caller]
fn assert_malformed(name: &str, answer: &Answer) {
    let issues = answer.issues();
    assert_eq!(
        (issues.len(), issues[0].0.as_str(), issues[0].2.as_str()),
        (1, "json_invalid", "JSON decode error"),
        "{name}"
    );
    let position = issues[0].1.strip_prefix("body.");
    assert!(position.is_some_and(|position| position.parse::<usize>().is_ok()), "{name}");
}

#[tokio::test]
async fn create_note_rejects_media_types_other_than_json() {
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
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "The request body must be application/json",
            );
        }
    }
    // The login treats any other body as a form without fields, like FastAPI.
    for media_type in ["", JSON, "text/plain"] {
        let answer =
            pair.send(Method::POST, "/auth/login", media_type, "username=ada&password=pass123word").await;
        let missing = |field: &str| ("missing".to_owned(), format!("body.{field}"));
        assert_eq!(problems(&answer), [missing("username"), missing("password")], "{media_type}");
    }
}

#[tokio::test]
async fn create_note_rejects_malformed_json() {
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

/// The members that the service ignores have no influence on the problems of the others.
#[tokio::test]
async fn create_note_reports_each_field_whatever_the_unknown_members_are() {
    let pair = Pair::new().await;
    let (digits, deep) = ("9".repeat(400), format!("{}{}", "[".repeat(100), "]".repeat(100)));
    let accepted =
        ["1e400", "-1e400", "2e308", "1E+999", &digits, "[1e400,{\"a\":-2e308}]", &deep, "\"\\u00e9\""];
    for unknown in accepted {
        let body = |title: &str| format!(r#"{{"title":"{title}","content":"y","n":{unknown}}}"#);
        let rejected = pair.send(Method::POST, "/notes", JSON, body("")).await;
        assert_problem(&rejected, "string_too_short", "body.title");
        pair.send(Method::POST, "/notes", JSON, body("t")).await.expect(StatusCode::CREATED);
    }
    // A number is still no text.
    let answer = pair.send(Method::POST, "/notes", JSON, r#"{"title":1e400,"content":""}"#).await;
    assert_problem(&answer, "string_type", "body.title");
    // Malformed text is malformed wherever it is.
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for unknown in ["\"\\ud800\"", "\"\\uDC00x\"", "[\"\\ud83c\"]", &deep, "1e400e1", "01e400", "\"\u{1}\""] {
        for title in ["", "t"] {
            let body = format!(r#"{{"title":"{title}","content":"y","n":{unknown}}}"#);
            assert_malformed(unknown, &pair.send(Method::POST, "/notes", JSON, body).await);
        }
    }
    let invalid = [&br#"{"title":"t","content":"y","n":""#[..], b"\xff", b"\"}"].concat();
    assert_malformed("bytes", &pair.send(Method::POST, "/notes", JSON, invalid).await);
}

#[tokio::test]
async fn json_body_must_be_an_object() {
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
async fn every_text_field_rejects_nul() {
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
                let location = format!("body.{field}");
                assert!(
                    problems.contains(&("value_error".to_owned(), location.clone())),
                    "{method} {path}: {answer:?}"
                );
                assert!(problems.iter().all(|(_, other)| *other == location), "{method} {path}: {answer:?}");
                assert!(field == "email" || answer.text.contains(NUL), "{method} {path}: {answer:?}");
            }
        }
    }
    // A password may contain NUL, because the database stores only its hash.
    let mut body = account.clone();
    body["password"] = json!("a\0b\0c1");
    assert_eq!(pair.post("/auth/register", &body).await.status, 201);
    for (name, password, status) in [("new", "a%00b%00c1", 200), ("new", "a", 401)] {
        let form = format!("username={name}&password={password}");
        assert_eq!(pair.send(Method::POST, "/auth/login", FORM, form).await.status, status);
    }
    for (server, token) in &pair.0 {
        for path in ["/notes/1", "/tasks/1"] {
            assert_eq!(
                server.get(path, token).await.json()["title"],
                "t",
                "a rejected request changed the title"
            );
        }
    }
}

#[tokio::test]
async fn login_name_path_and_query_reject_nul() {
    let pair = Pair::new().await;
    for name in ["%00", "a%00b", "ada%00", "ada%00@example.com", "%00@"] {
        let form = format!("username={name}&password={PASSWORD}");
        let answer = pair.send(Method::POST, "/auth/login", FORM, form).await;
        answer.expect_detail(StatusCode::UNAUTHORIZED, "Incorrect username or password");
    }
    for path in ["/notes/%00", "/notes/1%00", "/tasks/a%00"] {
        let location = if path.starts_with("/notes") { "path.note_id" } else { "path.task_id" };
        assert_problem(&pair.send(Method::GET, path, "", "").await, "int_parsing", location);
    }
    assert_problem(&pair.send(Method::GET, "/notes?cursor=%00", "", "").await, "value_error", "query.cursor");
    assert_problem(&pair.send(Method::GET, "/notes?limit=%00", "", "").await, "int_parsing", "query.limit");
}

#[tokio::test]
async fn text_fields_count_combining_marks_as_characters() {
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
        "the text was normalized"
    );
    let body =
        json!({ "email": "new@example.com", "username": zalgo(49), "password": format!("{}1", zalgo(126)) });
    assert_eq!(pair.post("/auth/register", &body).await.json()["username"], body["username"]);
    let body =
        json!({ "email": format!("{}@example.com", zalgo(3_000)), "username": "abc", "password": PASSWORD });
    assert_problem(&pair.post("/auth/register", &body).await, "value_error", "body.email");
}

#[tokio::test]
async fn field_lengths_are_limited_in_characters() {
    let pair = Pair::new().await;
    let cakes = |count: usize| "🎂".repeat(count);
    // The longest encoding of a character has twelve bytes.
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
            assert!(answer.json()[field] == body[field], "{path}: {field} was changed");
        }
    }
    let short =
        json!({ "email": "new2@example.com", "username": cakes(2), "password": format!("{}1", cakes(4)) });
    let kinds = ["body.username", "body.password"]
        .map(|location| ("string_too_short".to_owned(), location.to_owned()));
    assert_eq!(problems(&pair.post("/auth/register", &short).await), kinds);
}

#[tokio::test]
async fn json_fields_are_coerced_like_in_pydantic() {
    let pair = Pair::new().await;
    let twice = r#"{"title":1,"title":"a","content":"x","content":"y","title":"b"}"#;
    let note = pair.send(Method::POST, "/notes", JSON, twice).await;
    assert_eq!(
        (note.status, &note.json()["title"], &note.json()["content"]),
        (201, &json!("b"), &json!("y"))
    );
    let twice = r#"{"title":"a","content":"x","title":1}"#;
    assert_problem(&pair.send(Method::POST, "/notes", JSON, twice).await, "string_type", "body.title");

    let unknown = json!({
        "title": "t", "content": "c", "id": 77, "user_id": 2, "created_at": "x", "": null, "a": [{}]
    });
    let note = pair.post("/notes", &unknown).await;
    assert_eq!((note.status, &note.json()["id"]), (201, &json!(2)));

    let mut registration = json!({ "email": "new@example.com", "username": "new", "password": PASSWORD });
    registration["confirm_password"] = Value::Null;
    for (path, body) in [
        ("/tasks", json!({ "title": "t", "content": "c", "city": "x", "user_id": null })),
        ("/auth/register", registration),
    ] {
        assert_eq!(pair.post(path, &body).await.status, 201, "{path}");
    }
    for (path, body) in [
        ("/notes/1", json!({ "title": null, "content": null })),
        ("/tasks/1", json!({ "title": null, "content": null, "city": null, "user_id": null })),
    ] {
        let before = pair.send(Method::GET, path, "", "").await.json();
        let after = pair.json(Method::PATCH, path, &body).await.expect(StatusCode::OK).json();
        assert_eq!((&after["title"], &after["content"]), (&before["title"], &before["content"]), "{path}");
    }
    let null = pair.post("/notes", &json!({ "title": null, "content": null })).await;
    let wanted =
        ["body.title", "body.content"].map(|location| ("string_type".to_owned(), location.to_owned()));
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
