//! Rate limits of logins, password confirmations and registrations.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use daybook_test_servers::Redis;
use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::json;

use crate::harness::{Answer, Kind, PASSWORD, Server, Start, TEST_TIMEOUT, eventually};

/// Configures a service behind a proxy on this machine. Tests can then send any client address.
fn behind_proxy(kind: Kind, limit: &str) -> Start {
    Start::on(kind).with("DAYBOOK_RATE_LIMIT", limit).with("DAYBOOK_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8")
}

/// Sends a login from this address, or through this chain of addresses.
async fn login(server: &Server, from: &str, form: &[(&str, &str)]) -> Answer {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = server.request(Method::POST, "/auth/login").header("x-forwarded-for", from);
    Answer::of(request.header("content-type", "application/x-www-form-urlencoded").body(body)).await
}

/// Sends a login with a wrong password. Returns the status.
async fn wrong(server: &Server, from: &str, name: &str) -> u16 {
    login(server, from, &[("username", name), ("password", "wrong1")]).await.status
}

/// Sends a login with the right password.
async fn right(server: &Server, from: &str, name: &str) -> Answer {
    login(server, from, &[("username", name), ("password", PASSWORD)]).await
}

/// Returns the number of the account's events of each kind.
async fn events(server: &Server, token: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for event in server.get("/auth/events?limit=100", token).await.json().as_array().unwrap() {
        *counts.entry(event["event"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    counts
}

const VICTIM: &str = "192.0.2.1";
const STRANGER: &str = "203.0.113.9";

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_is_limited_after_too_many_wrong_passwords(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = behind_proxy(kind, "account=3/10m,address=100/10m").start().await;
    server.register("ada").await;
    for identifier in ["ada", "ADA", "Ada"] {
        assert_eq!(wrong(&server, STRANGER, identifier).await, 401);
    }
    let rejected = right(&server, STRANGER, "ada").await;
    let sentence = "Too many attempts, try again later";
    let rejected = rejected.expect_detail(StatusCode::TOO_MANY_REQUESTS, sentence);
    let seconds: u32 = rejected.header("retry-after").parse().unwrap();
    assert!(
        (190..=200).contains(&seconds),
        "one attempt becomes available after a third of ten minutes: {seconds}"
    );
    assert_eq!(rejected.header("ratelimit-policy"), r#""account";q=3;w=600"#);
    assert_eq!(rejected.header("ratelimit"), format!(r#""account";r=0;t={seconds}"#));
    // The limit applies to logins under this name from any address. It applies to no other name.
    assert_eq!(right(&server, "198.51.100.1", "ada").await.status, 429);
    server.register("bob").await;
    assert_eq!(right(&server, STRANGER, "bob").await.status, 200);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_limits_an_unknown_name_like_a_known_one(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = behind_proxy(kind, "account=2/10m,address=100/10m").start().await;
    server.register("ada").await;
    let shape = |answer: Answer| {
        let mut headers: BTreeMap<_, _> = answer
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        for changing in ["date", "x-request-id", "retry-after", "ratelimit"] {
            headers.remove(changing);
        }
        (answer.status, answer.text, headers)
    };
    for _ in 0..4 {
        let form = |name| [("username", name), ("password", "wrong1")];
        let known = shape(login(&server, STRANGER, &form("ada")).await);
        let unknown = shape(login(&server, STRANGER, &form("nobody")).await);
        assert_eq!(known, unknown);
    }
    assert_eq!(wrong(&server, STRANGER, "NoBody").await, 429, "names ignore case");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_of_a_known_client_cannot_be_locked_out(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = behind_proxy(kind, "account=3/10m,address=1000/10m").start().await;
    server.register("ada").await;
    let home = right(&server, VICTIM, "ada").await.expect(StatusCode::OK).json();
    for index in 0..20 {
        wrong(&server, &format!("203.0.113.{index}"), "ada").await;
    }
    assert_eq!(right(&server, STRANGER, "ada").await.status, 429);
    assert_eq!(right(&server, VICTIM, "ada").await.status, 200, "the address is known");
    let elsewhere = "198.51.100.77";
    assert_eq!(right(&server, elsewhere, "ada").await.status, 429);
    let refresh_token = home["refresh_token"].as_str().unwrap();
    let with_token = |token| [("username", "ada"), ("password", PASSWORD), ("refresh_token", token)];
    let form = with_token(refresh_token);
    assert_eq!(
        login(&server, elsewhere, &form).await.status,
        200,
        "the refresh token makes the client known"
    );
    server.register("eve").await;
    let eve = server.login_tokens("eve").await;
    for foreign in [eve.refresh.as_str(), "made up", "", &"A".repeat(64)] {
        let form = with_token(foreign);
        assert_eq!(
            login(&server, STRANGER, &form).await.status,
            429,
            "{foreign:?} does not make the client known"
        );
    }
    // A known client has a limit of its own, which allows the same number of attempts. Its wrong
    // passwords have the response of the strangers.
    for _ in 0..3 {
        assert_eq!(right(&server, VICTIM, "ada").await.status, 200);
        assert_eq!(wrong(&server, VICTIM, "ada").await, 429);
    }
    for _ in 0..2 {
        assert_eq!(wrong(&server, VICTIM, "ada").await, 429);
    }
    assert_eq!(right(&server, VICTIM, "ada").await.status, 429);
    // A refresh is not limited like a login.
    server.refresh(refresh_token).await.expect(StatusCode::OK);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn register_makes_the_client_known_by_its_address(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = behind_proxy(kind, "account=3/10m,address=1000/10m").start().await;
    let body = json!({ "email": "ada@example.com", "username": "ada", "password": PASSWORD });
    let request = server.request(Method::POST, "/auth/register").header("x-forwarded-for", VICTIM);
    Answer::of(request.json(&body)).await.expect(StatusCode::CREATED);
    for index in 0..20 {
        wrong(&server, &format!("203.0.113.{index}"), "ada").await;
    }
    assert_eq!(right(&server, STRANGER, "ada").await.status, 429);
    assert_eq!(right(&server, VICTIM, "ada").await.status, 200);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_with_a_token_of_a_revoked_session_is_limited(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = behind_proxy(kind, "account=3/10m,address=1000/10m").start().await;
    server.register("ada").await;
    let (owner, thief) = (server.login_tokens("ada").await, server.login_tokens("ada").await);
    let listed = server.get("/auth/sessions", &owner.access).await.json();
    let stolen = listed.as_array().unwrap().iter().find(|session| session["current"] == false).unwrap();
    server
        .delete(&format!("/auth/sessions/{}", stolen["id"]), &owner.access)
        .await
        .expect(StatusCode::NO_CONTENT);
    for index in 0..20 {
        wrong(&server, &format!("203.0.113.{index}"), "ada").await;
    }
    let with_token = |token| [("username", "ada"), ("password", PASSWORD), ("refresh_token", token)];
    assert_eq!(login(&server, STRANGER, &with_token(&thief.refresh)).await.status, 429);
    assert_eq!(login(&server, STRANGER, &with_token(&owner.refresh)).await.status, 200);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_flood_from_one_address_does_not_block_others(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = behind_proxy(kind, "account=1000/1m,address=1000/1m").start().await;
    for name in ["ada", "eve"] {
        server.register(name).await;
    }
    let over = AtomicBool::new(false);
    let flood = join_all((0..64).map(|_| async {
        let mut rejected = 0;
        while !over.load(Ordering::Relaxed) {
            let answer = right(&server, STRANGER, "eve").await;
            assert!([200, 503].contains(&answer.status), "{answer:?}");
            rejected += usize::from(answer.status == 503);
        }
        rejected
    }));
    let victim = async {
        for _ in 0..20 {
            right(&server, VICTIM, "ada").await.expect(StatusCode::OK);
        }
        over.store(true, Ordering::Relaxed);
    };
    let (rejected, ()) = tokio::join!(flood, victim);
    assert!(rejected.into_iter().sum::<usize>() > 0);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_clears_the_limit_of_the_account_not_of_the_address(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = behind_proxy(kind, "account=3/10m,address=8/10m").start().await;
    server.register("ada").await;
    for _ in 0..3 {
        for _ in 0..2 {
            assert_eq!(wrong(&server, STRANGER, "ada").await, 401);
        }
        assert_eq!(right(&server, STRANGER, "ada").await.status, 200);
    }
    assert_eq!(
        wrong(&server, STRANGER, "ada").await,
        401,
        "this is the seventh wrong login from this address"
    );
    assert_eq!(wrong(&server, STRANGER, "eve").await, 401);
    server.register("bob").await;
    let rejected = right(&server, STRANGER, "bob").await.expect(StatusCode::TOO_MANY_REQUESTS);
    assert!(rejected.header("ratelimit").starts_with(r#""address";r=0;"#), "{rejected:?}");
    assert_eq!(right(&server, "198.51.100.1", "bob").await.status, 200, "from another address");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_forwarding_headers_do_not_change_the_client_address(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = behind_proxy(kind, "account=1000/10m,address=4/10m").start().await;
    let chains = [
        "203.0.113.9",
        "1.1.1.1, 203.0.113.9",
        "127.0.0.1,10.1.1.1,203.0.113.9 , 10.0.0.7",
        "garbage, 203.0.113.9:4711",
    ];
    for chain in chains {
        assert_eq!(wrong(&server, chain, "ada").await, 401, "{chain}");
    }
    for chain in chains {
        assert_eq!(wrong(&server, chain, "bob").await, 429, "{chain}");
    }
    for address in ["2001:db8::1", "2001:db8:0:1::2", "[2001:db8:0:ff:ffff::3]:99", "2001:db8::4"] {
        assert_eq!(wrong(&server, address, "ada").await, 401, "{address}");
    }
    assert_eq!(wrong(&server, "2001:db8:0:2::5", "ada").await, 429, "a /56 counts as one address");
    for network in 1..=3 {
        for host in 1..=4 {
            assert_eq!(wrong(&server, &format!("2001:db8:0:{network}00::{host}"), "ada").await, 401);
        }
    }
    assert_eq!(wrong(&server, "2001:db8:0:400::1", "ada").await, 429, "a /48 counts as four addresses");
    assert_eq!(wrong(&server, "2001:db8:1::1", "ada").await, 401);
    let direct = Start::on(kind).with("DAYBOOK_RATE_LIMIT", "account=1000/10m,address=2/10m").start().await;
    for (index, expected) in [401, 401, 429, 429].into_iter().enumerate() {
        let spoofed = format!("203.0.113.{index}");
        assert_eq!(
            wrong(&direct, &spoofed, "ada").await,
            expected,
            "the header is ignored without a trusted proxy"
        );
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn list_events_shows_failed_and_limited_logins(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = behind_proxy(kind, "account=3/10m,address=100/10m").start().await;
    server.register("ada").await;
    let token = right(&server, VICTIM, "ada").await.json()["access_token"].as_str().unwrap().to_owned();
    for _ in 0..10 {
        wrong(&server, STRANGER, "ada").await;
    }
    let complete = || async { events(&server, &token).await.get("login_throttled") == Some(&1) };
    eventually("the event of a limited login", complete).await;
    let counts = events(&server, &token).await;
    assert_eq!((counts["login_failed"], counts["login_throttled"], counts["login"]), (3, 1, 1));
    let list = server.get("/auth/events?limit=100", &token).await.json();
    let throttled =
        list.as_array().unwrap().iter().find(|event| event["event"] == "login_throttled").unwrap();
    assert_eq!(throttled["ip"], STRANGER);
    server.wait_for_log(r#""event":"login_throttled""#).await;
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn password_confirmation_is_limited(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Start::on(kind).with("DAYBOOK_RATE_LIMIT", "account=3/10m").start().await;
    let token = server.user("ada").await;
    let change = json!({ "current_password": "wrong1", "new_password": "another8word" });
    let delete = json!({ "current_password": "wrong1" });
    server.post("/auth/password", &token, &change).await.expect(StatusCode::FORBIDDEN);
    server.send(Method::DELETE, "/users/me", &token, &delete).await.expect(StatusCode::FORBIDDEN);
    server.post("/auth/password", &token, &change).await.expect(StatusCode::FORBIDDEN);
    for _ in 0..2 {
        let rejected = server.post("/auth/password", &token, &change).await;
        assert!(!rejected.expect(StatusCode::TOO_MANY_REQUESTS).header("retry-after").is_empty());
        let rejected = server.send(Method::DELETE, "/users/me", &token, &delete).await;
        rejected.expect(StatusCode::TOO_MANY_REQUESTS);
    }
    server.login("ada").await;
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thief_of_an_access_token_does_not_block_the_confirmations_of_the_owner(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = Start::on(kind).with("DAYBOOK_RATE_LIMIT", "account=3/10m").start().await;
    server.register("ada").await;
    let (stolen, own) = (server.login("ada").await, server.login("ada").await);
    let change = |password: &str| json!({ "current_password": password, "new_password": "another8word" });
    for _ in 0..5 {
        server.post("/auth/password", &stolen, &change("wrong1")).await;
    }
    let refused = server.post("/auth/password", &stolen, &change(PASSWORD)).await;
    refused.expect(StatusCode::TOO_MANY_REQUESTS);
    server.post("/auth/password", &own, &change(PASSWORD)).await.expect(StatusCode::NO_CONTENT);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn register_is_limited_per_address(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = behind_proxy(kind, "address=3/10m").start().await;
    let register = async |from: &str, name: &str| {
        let body = json!({ "email": format!("{name}@example.com"), "username": name, "password": PASSWORD });
        let request = server.request(Method::POST, "/auth/register").header("x-forwarded-for", from);
        Answer::of(request.json(&body)).await
    };
    for name in ["ada", "bob", "eve"] {
        register(STRANGER, name).await.expect(StatusCode::CREATED);
    }
    let rejected = register(STRANGER, "mallory").await.expect(StatusCode::TOO_MANY_REQUESTS);
    assert!(rejected.header("ratelimit").starts_with(r#""registration";r=0;"#), "{rejected:?}");
    register(VICTIM, "mallory").await.expect(StatusCode::CREATED);
    assert_eq!(right(&server, STRANGER, "ada").await.status, 200, "logins are not limited");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances_share_one_limit_through_redis(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let redis = Redis::start();
    let start = Start::on(kind)
        .with("REDIS_URL", &redis.url())
        .with("DAYBOOK_RATE_LIMIT", "account=10/10m,address=10000/10m");
    let servers = [start.start().await, start.start().await];
    servers[0].register("ada").await;
    // The address of the test must not be known for this account.
    servers[0].execute("UPDATE events SET ip = '192.0.2.1'");
    // The queue for hashing is shorter than 64, so some requests get a 503. A 503 does not count as
    // an attempt, and the client retries.
    let guess = async |index: usize, name: &str| loop {
        let status = wrong(&servers[index % 2], "", name).await;
        if status != 503 {
            return status;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    let all = join_all((0..64).map(|index| guess(index, "ada"))).await;
    let count = |all: &[u16], wanted| all.iter().filter(|status| **status == wanted).count();
    assert_eq!((count(&all, 401), count(&all, 429)), (10, 54), "{all:?}");
    redis.kill();
    let all = join_all((0..64).map(|index| guess(index, "nobody"))).await;
    assert_eq!(
        (count(&all, 401), count(&all, 429)),
        (20, 44),
        "each instance has a limit of its own: {all:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rate_limit_off_disables_the_limits_and_logs_a_warning() {
    let server = Start::on(Kind::Sqlite).with("DAYBOOK_RATE_LIMIT", "off").start().await;
    server.register("ada").await;
    for _ in 0..15 {
        assert_eq!(wrong(&server, "", "ada").await, 401);
    }
    server.wait_for_log("DAYBOOK_RATE_LIMIT is off").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rate_limits_are_on_by_default() {
    let server = Start::on(Kind::Sqlite).with("DAYBOOK_RATE_LIMIT", "").start().await;
    server.register("ada").await;
    server.execute("UPDATE events SET ip = '192.0.2.1'");
    for _ in 0..10 {
        assert_eq!(wrong(&server, "", "ada").await, 401);
    }
    assert_eq!(wrong(&server, "", "ada").await, 429);
}
