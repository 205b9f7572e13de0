//! More concurrent logins than the hashing threads and their queue accept.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::json;

use crate::harness::{Answer, Kind, PASSWORD, Server, Start, TEST_TIMEOUT};

const MIB: u64 = 1024;

/// Returns the value of a line of `/proc/…/status`, in KiB.
fn memory(server: &Server, line: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process.id().unwrap())).unwrap();
    let value = status.lines().find_map(|text| text.strip_prefix(line)).expect(line);
    value.trim_start_matches(':').split_whitespace().next().unwrap().parse().unwrap()
}

/// The number of hashing threads. With the queue of 16 for each, 34 of 64 logins are accepted.
const THREADS: u64 = 2;

/// Starts a service with the default Argon2 parameters: 64 MiB for each hash.
async fn start(kind: Kind) -> Server {
    let start = Start::on(kind).with("DAYBOOK_ARGON2", "").with("DAYBOOK_RATE_LIMIT", "off");
    start.with("DAYBOOK_HASHING_THREADS", &THREADS.to_string()).start().await
}

fn login(server: &Server) -> reqwest::RequestBuilder {
    let request = server.request(Method::POST, "/auth/login");
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    request.body(format!("username=ada&password={PASSWORD}"))
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_concurrent_logins_stay_within_the_memory_limit(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = start(kind).await;
    let idle = memory(&server, "VmHWM");
    let token = server.user("ada").await;
    let (mut accepted, mut rejected) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let logins = (0..64).map(|_| async {
            let answer = Answer::of(login(&server)).await;
            (Instant::now(), answer)
        });
        let (logins, note) = tokio::join!(join_all(logins), server.get("/notes", &token));
        note.expect(StatusCode::OK);
        for (at, answer) in logins {
            if answer.status == 503 {
                assert!(!answer.header("retry-after").is_empty(), "{answer:?}");
                rejected.push(at);
            } else {
                answer.expect(StatusCode::OK);
                accepted.push(at);
            }
        }
        // The hashing threads and their queue accept some of the 64 logins, but not all. The queue
        // alone holds 32.
        assert!(accepted.len() >= 32 && !rejected.is_empty(), "{} accepted", accepted.len());
        accepted.sort();
        // The service rejects a login at once, while half of the accepted logins still wait.
        assert!(rejected.iter().max() < accepted.get(accepted.len() / 2), "rejections are not immediate");
        (accepted, rejected) = (Vec::new(), Vec::new());
    }
    let most = memory(&server, "VmHWM");
    let allowed = idle + (THREADS + 1) * 64 * MIB;
    println!("{kind:?}: idle {} MiB, at most {} of {} MiB", idle / MIB, most / MIB, allowed / MIB);
    assert!(most <= allowed, "{most} KiB of {allowed} KiB");
}

/// Checks the time only with DAYBOOK_MEASURE=1, for a release build on an idle machine.
#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_stay_fast_during_logins(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let measure = std::env::var("DAYBOOK_MEASURE").is_ok();
    let server = start(kind).await;
    let token = server.user("ada").await;
    let note = server.post("/notes", &token, &json!({ "title": "t", "content": "c" })).await;
    let path = note.header("location").to_owned();
    let median = async |count: usize| {
        let mut times = Vec::new();
        for _ in 0..count {
            let began = Instant::now();
            server.get(&path, &token).await.expect(StatusCode::OK);
            times.push(began.elapsed());
        }
        times.sort();
        times[count / 2]
    };
    let count = if measure { 2_000 } else { 100 };
    let idle = median(count).await;
    let over = std::sync::atomic::AtomicBool::new(false);
    let logins = join_all((0..64).map(|_| async {
        while !over.load(std::sync::atomic::Ordering::Relaxed) {
            let answer = Answer::of(login(&server)).await;
            if answer.status == 503 {
                // This client waits after a 503, but for less time than `Retry-After`.
                tokio::time::sleep(Duration::from_millis(100)).await;
            } else {
                answer.expect(StatusCode::OK);
            }
        }
    }));
    let reads = async {
        let busy = median(count).await;
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        busy
    };
    let (_, busy) = tokio::join!(logins, reads);
    println!("{kind:?}: median {idle:?} idle, {busy:?} under logins");
    assert!(!measure || busy < 2 * idle, "{busy:?} instead of {idle:?}");
}
