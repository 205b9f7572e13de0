//! Warnings in the log of a proxy whose clients share the limits of its address.

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::harness::{Answer, Kind, Server, Start, eventually};

/// Returns the warnings in the log that contain this text.
fn warnings(server: &Server, text: &str) -> Vec<Value> {
    let is_wanted = |line: &Value| line["level"] == "WARN" && line.to_string().contains(text);
    server.log_lines().into_iter().filter(is_wanted).collect()
}

/// Sends requests with these headers at once. Waits until the log has them all, and therefore each
/// warning that they have caused.
async fn send(server: &Server, count: usize, headers: &[(&str, &str)]) {
    let answered = || server.log_lines().iter().filter(|line| line.to_string().contains("answered")).count();
    let before = answered();
    let requests = (0..count).map(|_| {
        let request = server.request(Method::GET, "/");
        Answer::of(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)))
    });
    for answer in join_all(requests).await {
        answer.expect(StatusCode::OK);
    }
    eventually("the log has the requests", async || answered() >= before + count).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serve_warns_of_an_address_beyond_loopback_without_trusted_proxies() {
    for (bind, proxies, is_warned) in [
        ("127.0.0.1:0", "", false),
        ("127.0.0.1:0", "192.0.2.1", false),
        ("0.0.0.0:0", "192.0.2.1", false),
        ("0.0.0.0:0", "", true),
        ("0.0.0.0:0", ",", true),
    ] {
        let start = Start::on(Kind::Sqlite).with("DAYBOOK_BIND", bind);
        let server = start.with("DAYBOOK_TRUSTED_PROXIES", proxies).start().await;
        // The log of the start precedes that of a request.
        send(&server, 1, &[]).await;
        let count = warnings(&server, "DAYBOOK_TRUSTED_PROXIES is not set").len();
        assert_eq!(count, usize::from(is_warned), "{bind} {proxies}: {}", server.log());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forwarded_address_of_an_untrusted_peer_is_warned_of_once() {
    const IGNORED: &str = "X-Forwarded-For is ignored";
    let forwarded = [("x-forwarded-for", "203.0.113.9")];
    for proxies in ["", "192.0.2.1, ::1"] {
        let server = Start::on(Kind::Sqlite).with("DAYBOOK_TRUSTED_PROXIES", proxies).start().await;
        send(&server, 5, &[]).await;
        assert_eq!(warnings(&server, IGNORED).len(), 0, "{proxies}");
        send(&server, 20, &forwarded).await;
        send(&server, 20, &forwarded).await;
        let found = warnings(&server, IGNORED);
        assert_eq!(found.len(), 1, "{proxies}: {found:?}");
        let line = found[0].to_string();
        assert!(line.contains("127.0.0.1") && line.contains("DAYBOOK_TRUSTED_PROXIES"), "{line}");
        assert!(!line.contains("203.0.113.9"), "{line}");
    }
    let server = Start::on(Kind::Sqlite).with("DAYBOOK_TRUSTED_PROXIES", "127.0.0.1").start().await;
    send(&server, 5, &forwarded).await;
    assert_eq!(warnings(&server, IGNORED).len(), 0);
}
