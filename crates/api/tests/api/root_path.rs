//! The root path: references in responses behind a proxy that strips a prefix from the path.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use url::Url;

use crate::harness::{Answer, Kind, PASSWORD, Server, Start, text};

/// Values of `X-Forwarded-Prefix` that are no path, or that a client resolves to another place.
const INVALID: [&[u8]; 35] = [
    b"",
    b"api",
    b"//",
    b"//evil.example",
    b"///evil.example",
    b"/\\evil.example",
    b"\\\\evil.example",
    b"https://evil.example",
    b"https:/evil.example",
    b"javascript:alert(1)",
    b"/team//evil.example",
    b"/team//",
    b"/.",
    b"/..",
    b"/../team",
    b"/team/..",
    b"/team/../..//evil.example",
    b"/%2e",
    b"/%2E%2e/team",
    b"/.%2e//evil.example",
    b"/team?next=",
    b"/team#",
    b"/te am",
    b"/te\tam",
    b"/te\"am",
    b"/te'am",
    b"/te{am}",
    b"/te%",
    b"/te%2",
    b"/te%zz",
    b"/te%+1",
    b"/team,/api",
    b"/team, /api",
    b"/team>; rel=\"next\", <https://evil.example/",
    b"/caf\xc3\xa9",
];

/// Returns a configuration with this root path and these trusted proxies.
fn start(root_path: &str, proxies: &str) -> Start {
    let start = Start::on(Kind::Sqlite).with("DAYBOOK_ROOT_PATH", root_path);
    start.with("DAYBOOK_TRUSTED_PROXIES", proxies)
}

/// Sends a request as a proxy with these values of `X-Forwarded-Prefix`. Notes are its body.
async fn send(server: &Server, token: &str, method: Method, path: &str, values: &[&[u8]]) -> Answer {
    let mut request = server.request(method.clone(), path).bearer_auth(token);
    request = request.header("x-forwarded-for", "203.0.113.9");
    for value in values {
        request = request.header("x-forwarded-prefix", *value);
    }
    if method == Method::POST {
        request = request.json(&json!({ "title": "t", "content": "c", "city": "Lisbon" }));
    }
    Answer::of(request).await
}

/// Returns the target of a `Link` to the next page.
#[track_caller]
fn next(page: &Answer) -> &str {
    let target = page.header("link").strip_prefix('<').and_then(|rest| rest.strip_suffix(r#">; rel="next""#));
    target.unwrap_or_else(|| panic!("no link to the next page: {page:?}"))
}

/// Returns the root path of each kind of reference: `Location` of a note, `Location` of a task,
/// `Link`, redirects without and with a query, and the server in the OpenAPI document.
async fn root_paths(server: &Server, token: &str, values: &[&[u8]]) -> [String; 6] {
    let before = |reference: &str, path: &str| {
        let root = reference.strip_suffix(path);
        root.unwrap_or_else(|| panic!("{reference} is not {path} below a root path")).to_owned()
    };
    let mut created = Vec::new();
    for list in ["/notes", "/notes", "/tasks"] {
        let answer = send(server, token, Method::POST, list, values).await.expect(StatusCode::CREATED);
        let path = format!("{list}/{}", answer.json()["id"]);
        created.push(before(answer.header("location"), &path));
    }
    assert_eq!(created[0], created[1]);
    let page = send(server, token, Method::GET, "/notes?limit=1", values).await.expect(StatusCode::OK);
    let (target, query) = next(&page).split_once("?limit=1&cursor=").expect("a query");
    assert!(query.bytes().all(|byte| byte.is_ascii_hexdigit()), "{query}");
    let mut redirects = Vec::new();
    for (path, shorter) in [("/notes/", "/notes"), ("/tasks/?limit=1", "/tasks?limit=1")] {
        let answer = send(server, token, Method::GET, path, values).await;
        let answer = answer.expect(StatusCode::TEMPORARY_REDIRECT);
        redirects.push(before(answer.header("location"), shorter));
    }
    let document = send(server, token, Method::GET, "/openapi.json", values).await.expect(StatusCode::OK);
    let root = match document.json().get("servers") {
        None => String::new(),
        Some(servers) => {
            let url = servers[0]["url"].as_str().expect("a URL").to_owned();
            assert_eq!(*servers, json!([{ "url": url }]));
            url
        }
    };
    let [without_query, with_query]: [String; 2] = redirects.try_into().expect("two redirects");
    [created.remove(0), created.remove(1), before(target, "/notes"), without_query, with_query, root]
}

fn all(root_path: &str) -> [String; 6] {
    std::array::from_fn(|_| root_path.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn root_path_precedes_every_reference() {
    for (setting, expected) in [
        ("", ""),
        ("/", ""),
        ("/api", "/api"),
        ("/api/", "/api"),
        ("/a/b", "/a/b"),
        ("/v1.0/~ada/d%C3%A9j%C3%A0", "/v1.0/~ada/d%C3%A9j%C3%A0"),
    ] {
        let server = start(setting, "").start().await;
        let token = server.user("ada").await;
        assert_eq!(root_paths(&server, &token, &[]).await, all(expected), "{setting}");
        let registration = json!({ "email": "bob@example.com", "username": "bob", "password": PASSWORD });
        let bob = server.post("/auth/register", "", &registration).await.expect(StatusCode::CREATED);
        assert_eq!(bob.header("location"), format!("{expected}/users/me"), "{setting}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn references_can_be_followed_through_a_proxy_that_strips_the_root_path() {
    let server = start("/a/b", "").start().await;
    let token = server.user("ada").await;
    // The proxy strips the root path and passes only paths below it.
    let through = |target: &str| {
        let url = Url::parse("https://proxy.example/a/b/notes").unwrap().join(target).unwrap();
        assert_eq!(url.host_str(), Some("proxy.example"), "{target}");
        url[url::Position::BeforePath..].strip_prefix("/a/b").expect("the root path").to_owned()
    };
    let mut ids = Vec::new();
    for _ in 0..3 {
        let note = send(&server, &token, Method::POST, "/notes", &[]).await.expect(StatusCode::CREATED);
        let found = server.get(&through(note.header("location")), &token).await.expect(StatusCode::OK);
        assert_eq!(found.json(), note.json());
        ids.insert(0, note.json()["id"].clone());
    }
    let redirect = server.get("/notes/?limit=1", &token).await.expect(StatusCode::TEMPORARY_REDIRECT);
    let mut page = server.get(&through(redirect.header("location")), &token).await.expect(StatusCode::OK);
    let mut read = vec![page.json()[0]["id"].clone()];
    while page.headers.contains_key("link") {
        page = server.get(&through(next(&page)), &token).await.expect(StatusCode::OK);
        read.push(page.json()[0]["id"].clone());
    }
    assert_eq!(read, ids);
    // The proxy must strip the root path.
    server.get("/a/b/notes", &token).await.expect_detail(StatusCode::NOT_FOUND, "Not Found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documentation_pages_stay_below_the_root_path() {
    let server = start("/api", "").start().await;
    let base = |page: &str| Url::parse(&format!("https://proxy.example/api{page}")).unwrap();
    let get = async |url: Url| {
        assert_eq!(url.host_str(), Some("proxy.example"), "{url}");
        let path = url.path().strip_prefix("/api").unwrap_or_else(|| panic!("{url} is not below /api"));
        Answer::of(server.request(Method::GET, path)).await.expect(StatusCode::OK)
    };
    for page in ["/docs", "/redoc"] {
        let html = get(base(page)).await.text;
        let parts: Vec<_> = html.split('"').collect();
        let links = parts.windows(2).filter(|pair| pair[0].ends_with("src=") || pair[0].ends_with("href="));
        let links: Vec<_> = links.map(|pair| pair[1]).collect();
        assert!(links.len() >= 3, "{page}: {links:?}");
        for link in links {
            let asset = get(base(page).join(link).unwrap()).await;
            if link.ends_with("initializer.js") {
                assert!(asset.text.contains("\"openapi.json\""), "{link}: {}", asset.text);
            }
        }
        let document = get(base(page).join("openapi.json").unwrap()).await.json();
        let scheme = &document["components"]["securitySchemes"];
        let scheme = scheme.as_object().and_then(|schemes| schemes.values().next()).expect("a scheme");
        // Swagger UI resolves this URL against the page. RFC 3986 resolves it against the document.
        let login = scheme["flows"]["password"]["tokenUrl"].as_str().expect("a URL");
        for from in [page, "/openapi.json"] {
            assert_eq!(base(from).join(login).unwrap().path(), "/api/auth/login");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openapi_document_differs_only_in_its_servers() {
    let with_root = start("/api", "");
    let printed = with_root.run(&["openapi"]).await;
    assert!(printed.status.success(), "{printed:?}");
    let printed = text(&printed.stdout);
    let document = async |start: Start| {
        let server = start.start().await;
        Answer::of(server.request(Method::GET, "/openapi.json")).await.expect(StatusCode::OK).text
    };
    assert_eq!(document(start("", "")).await, printed.trim_end(), "without a root path");
    let mut below: Value = serde_json::from_str(&document(with_root).await).unwrap();
    assert_eq!(below.as_object_mut().unwrap().remove("servers"), Some(json!([{ "url": "/api" }])));
    assert_eq!(below, serde_json::from_str::<Value>(&printed).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forwarded_prefix_of_a_trusted_proxy_replaces_the_setting() {
    for (setting, proxies) in [("", "127.0.0.1"), ("/api", "10.0.0.0/8, 127.0.0.0/8")] {
        let server = start(setting, proxies).start().await;
        let token = server.user("ada").await;
        assert_eq!(root_paths(&server, &token, &[]).await, all(setting));
        for (value, expected) in
            [("/team", "/team"), ("/team/", "/team"), ("/a/b", "/a/b"), ("/", ""), ("/d%C3%A9", "/d%C3%A9")]
        {
            let found = root_paths(&server, &token, &[value.as_bytes()]).await;
            assert_eq!(found, all(expected), "{setting} {value}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forwarded_prefix_of_an_untrusted_peer_is_ignored() {
    for (setting, proxies) in
        [("", ""), ("/api", ""), ("", "203.0.113.9"), ("/api", "10.0.0.0/8, 2001:db8::/32")]
    {
        let server = start(setting, proxies).start().await;
        let token = server.user("ada").await;
        for value in ["/team", "/", "//evil.example"] {
            let found = root_paths(&server, &token, &[value.as_bytes()]).await;
            assert_eq!(found, all(setting), "{proxies} {value}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalid_forwarded_prefix_of_a_trusted_proxy_is_ignored() {
    for setting in ["", "/api"] {
        let server = start(setting, "127.0.0.1").start().await;
        let token = server.user("ada").await;
        for value in INVALID {
            let found = root_paths(&server, &token, &[value]).await;
            assert_eq!(found, all(setting), "{}", value.escape_ascii());
        }
        let repeated: [&[&[u8]]; 3] =
            [&[b"/team", b"/team"], &[b"/team", b""], &[b"//evil.example", b"/team"]];
        for values in repeated {
            assert_eq!(root_paths(&server, &token, values).await, all(setting), "a repeated header");
        }
    }
}

#[tokio::test]
async fn serve_rejects_an_invalid_root_path() {
    let texts = INVALID.iter().filter_map(|value| str::from_utf8(value).ok());
    // An empty variable is not set.
    for value in texts.filter(|value| !value.is_empty()) {
        for arguments in [&["serve"][..], &["check"]] {
            let output = start(value, "").run(arguments).await;
            assert!(!output.status.success() && output.stdout.is_empty(), "{value}: {output:?}");
            let error = text(&output.stderr);
            assert!(error.contains("\n  DAYBOOK_ROOT_PATH must be a path like /api"), "{value}: {error}");
        }
    }
}
