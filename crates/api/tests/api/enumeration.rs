//! A client cannot find out which names have accounts, or which names belong to one account.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{Answer, Kind, PASSWORD, Server, Start, TEST_TIMEOUT, eventually};

const HOME: &str = "192.0.2.1";
const STRANGER: &str = "203.0.113.9";

/// Starts a service behind a proxy on this machine, where Ada was registered from [`HOME`].
async fn with_ada_at_home(kind: Kind, limits: &str) -> Server {
    let start = Start::on(kind).with("DAYBOOK_RATE_LIMIT", limits);
    let server = start.with("DAYBOOK_TRUSTED_PROXIES", "127.0.0.1").start().await;
    let body = json!({ "email": "ada@example.com", "username": "ada", "password": PASSWORD });
    let request = server.request(Method::POST, "/auth/register").header("x-forwarded-for", HOME);
    Answer::of(request.json(&body)).await.expect(StatusCode::CREATED);
    server
}

async fn login(server: &Server, from: &str, name: &str) -> Answer {
    let form = [("username", name), ("password", "wrong1")];
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = server.request(Method::POST, "/auth/login").header("x-forwarded-for", from);
    Answer::of(request.header("content-type", "application/x-www-form-urlencoded").body(body)).await
}

/// Returns what a client sees of an answer. The time is not part of it.
fn seen(answer: Answer) -> (u16, String, BTreeMap<String, String>) {
    let header = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
        (name.to_string(), value.to_str().unwrap().to_owned())
    };
    let mut headers: BTreeMap<_, _> = answer.headers.iter().map(header).collect();
    for changing in ["date", "x-request-id", "retry-after", "ratelimit"] {
        headers.remove(changing);
    }
    (answer.status, answer.text, headers)
}

/// Two spellings of each kind of name: of an account, and of none. Both lists have the same form.
const OF_ADA: [[&str; 2]; 5] = [
    ["ada", "ADA"],
    ["ada@example.com", " ada@example.com"],
    ["Ada@Example.COM", "Ada <ada@example.com>"],
    // Attempts under one name do not count for the other name of the account.
    ["ada", "ada@example.com"],
    ["ada@example.com", "ada"],
];
const UNKNOWN: [[&str; 2]; 5] = [
    ["bob", "BOB"],
    ["bob@example.com", " bob@example.com"],
    ["Bob@Example.COM", "Bob <bob@example.com>"],
    ["bob", "bob@example.com"],
    ["bob@example.com", "bob"],
];

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_limits_reveal_no_names(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(HOME, STRANGER)] from: &str,
) {
    for (of_ada, unknown_names) in OF_ADA.iter().zip(UNKNOWN) {
        let server = with_ada_at_home(kind, "account=3/10m,address=1000/10m").await;
        for spelling in [0, 0, 0, 0, 1, 1, 1, 1] {
            let known = seen(login(&server, from, of_ada[spelling]).await);
            let unknown = seen(login(&server, from, unknown_names[spelling]).await);
            assert_eq!(known, unknown, "{of_ada:?} {spelling}");
        }
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_at_a_used_up_limit_reveals_no_names_to_a_shared_address(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    // An attacker at the address of the owner, after others were refused there or elsewhere
    #[values(HOME, STRANGER)] attacked_from: &str,
) {
    let server = with_ada_at_home(kind, "account=3/10m,address=12/10m").await;
    for name in ["ada", "ada@example.com", "bob", "bob@example.com"] {
        for _ in 0..4 {
            login(&server, attacked_from, name).await;
        }
    }
    for _ in 0..6 {
        for [known, unknown] in [["ada", "bob"], ["ada@example.com", "bob@example.com"]] {
            let known = seen(login(&server, HOME, known).await);
            assert_eq!(known.0, 429);
            assert_eq!(known, seen(login(&server, HOME, unknown).await));
        }
    }
}

/// At a used-up limit, only the password of a known name is verified. Without a free hash, this
/// fails. A 503 would show an attacker at the address that the name is known.
#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_at_a_used_up_limit_reveals_no_names_while_the_address_has_no_hashes_left(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let start = Start::on(kind).with("DAYBOOK_RATE_LIMIT", "account=100/10m,address=3/10m");
    let start = start.with("DAYBOOK_HASHING_THREADS", "1").with("DAYBOOK_TRUSTED_PROXIES", "127.0.0.1");
    let server = start.start().await;
    for name in ["ada", "eve"] {
        let body = json!({ "email": format!("{name}@example.com"), "username": name, "password": PASSWORD });
        let request = server.request(Method::POST, "/auth/register").header("x-forwarded-for", HOME);
        Answer::of(request.json(&body)).await.expect(StatusCode::CREATED);
    }
    let eve = server.login("eve").await;
    for name in ["x", "y", "z"] {
        login(&server, HOME, name).await.expect(StatusCode::UNAUTHORIZED);
    }
    // Eve's own right passwords keep the four hashes of the address in use.
    let body = json!({ "current_password": PASSWORD, "new_password": PASSWORD });
    let hash = async || {
        let request = server.request(Method::POST, "/auth/password").bearer_auth(&eve);
        Answer::of(request.header("x-forwarded-for", HOME).json(&body)).await.status
    };
    let (mut refused, mut probes) = (false, Vec::new());
    for _ in 0..5 {
        let probe = async {
            let mut statuses = Vec::new();
            for name in ["ada", "bob", "ada@example.com", "bob@example.com"] {
                statuses.push(login(&server, HOME, name).await.status);
            }
            statuses
        };
        let (hashes, probed) = tokio::join!(join_all((0..12).map(|_| hash())), probe);
        refused |= hashes.contains(&503);
        probes.extend(probed);
    }
    assert!(refused, "the hashes of the address were never used up");
    assert_eq!(probes, [429; 20]);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_under_an_equal_username_does_not_reset_the_limit_of_an_address(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = Start::on(kind).with("DAYBOOK_RATE_LIMIT", "account=3/10m,address=1000/10m").start().await;
    for (email, username) in [("victim@strasse.de", "victim"), ("eve@example.com", "victim@stra\u{df}e.de")] {
        let body = json!({ "email": email, "username": username, "password": PASSWORD });
        server.post("/auth/register", "", &body).await.expect(StatusCode::CREATED);
    }
    server.execute("UPDATE events SET ip = '192.0.2.1'");
    let mut wrong = Vec::new();
    for _ in 0..4 {
        for _ in 0..2 {
            wrong.push(login(&server, "", "victim@strasse.de").await.status);
        }
        server.login("victim@stra\u{df}e.de").await;
        server.execute("UPDATE events SET ip = '192.0.2.1'");
    }
    assert_eq!(wrong, [401, 401, 401, 429, 429, 429, 429, 429]);
}

/// Forwards connections to PostgreSQL, and counts the statements.
async fn counting_proxy(server: String) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let upstream = TcpStream::connect(&server).await.unwrap();
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = upstream.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
            let counter = Arc::clone(&counter);
            tokio::spawn(async move {
                // The first message has no type (PostgreSQL 17, section 54.2.1).
                let length = from_client.read_u32().await?;
                let mut body = vec![0; length as usize - 4];
                from_client.read_exact(&mut body).await?;
                to_server.write_u32(length).await?;
                to_server.write_all(&body).await?;
                loop {
                    let kind = from_client.read_u8().await?;
                    let length = from_client.read_u32().await?;
                    let mut body = vec![0; length as usize - 4];
                    from_client.read_exact(&mut body).await?;
                    // `Execute` of a prepared statement, and `Query` of a simple one
                    counter.fetch_add(usize::from([b'E', b'Q'].contains(&kind)), Ordering::SeqCst);
                    to_server.write_u8(kind).await?;
                    to_server.write_u32(length).await?;
                    to_server.write_all(&body).await?;
                }
                #[expect(unreachable_code, reason = "it states the type of the error")]
                Ok::<(), std::io::Error>(())
            });
        }
    });
    (address, count)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_runs_the_same_statements_for_every_name() {
    let start = Start::on(Kind::Postgres);
    let url = url::Url::parse(start.variable("DATABASE_URL")).unwrap();
    let server = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
    let (proxy, count) = counting_proxy(server).await;
    let mut through = url.clone();
    through.set_port(Some(proxy.rsplit_once(':').unwrap().1.parse().unwrap())).unwrap();
    through.set_query(Some("sslmode=disable"));
    // Nothing else runs statements.
    let start = start.with("DATABASE_URL", through.as_str()).with("DAYBOOK_JOBS", "off");
    let server = start.with("DAYBOOK_WORKERS", "1").start().await;
    server.register("ada").await;
    let tokens = server.login_tokens("ada").await;
    let stored = || server.query("SELECT count(*) FROM events").parse::<usize>().unwrap();
    let statements = async |name: &str, token: &str| {
        let (before, events) = (count.load(Ordering::SeqCst), stored());
        let form = [("username", name), ("password", "wrong1"), ("refresh_token", token)];
        server.login_form(&form).await.expect(StatusCode::UNAUTHORIZED);
        let statements = count.load(Ordering::SeqCst) - before;
        if OF_ADA.as_flattened().contains(&name) {
            eventually("the event is stored", || async { stored() > events }).await;
        }
        statements
    };
    let names =
        ["ada", "Ada@Example.COM", "bob", "bob@example.com", "x", "ada@", "@", "Bob <bob@example.com>"];
    for token in ["", "made up", &tokens.refresh, &"A".repeat(64)] {
        // The first login prepares its statements.
        statements("ada", token).await;
        let expected = statements("ada", token).await;
        assert!(expected > 0);
        for name in names {
            assert_eq!(statements(name, token).await, expected, "{name} {token}");
        }
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patch_account_is_limited_like_registrations(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Start::on(kind).with("DAYBOOK_RATE_LIMIT", "account=3/10m,address=5/10m").start().await;
    server.register("mallory").await;
    let token = server.user("eve").await;
    // Each probe changes nothing, since the username is taken.
    let probe = |number: usize| {
        json!({
            "email": format!("candidate{number}@example.com"),
            "username": "mallory",
            "current_password": PASSWORD,
        })
    };
    let mut statuses = Vec::new();
    for number in 0..5 {
        statuses.push(server.patch("/users/me", &token, &probe(number)).await.status);
    }
    assert_eq!(statuses, [409, 409, 409, 429, 429], "with two registrations, five of them");
    let refused = server.patch("/users/me", &token, &probe(9)).await;
    assert!(refused.header("ratelimit").starts_with(r#""registration";r=0;"#), "{refused:?}");
    // Guesses of the password are.
    let guess = json!({ "username": "other", "current_password": "wrong1" });
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(server.patch("/users/me", &token, &guess).await.status);
    }
    assert_eq!(statuses, [403, 403, 403, 429, 429]);
}
