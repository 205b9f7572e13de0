//! What a stranger could tell by the clock.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use rstest::rstest;

use crate::harness::{Kind, PASSWORD, Server, TEST_TIMEOUT};

/// How likely one of the first takes longer than one of the second: the area under the ROC curve. One half means that a clock tells
/// nothing.
fn auc(first: &[Duration], second: &[Duration]) -> f64 {
    let wins = |one: &Duration| -> f64 {
        second
            .iter()
            .map(|other| {
                if one > other {
                    1.0
                } else if one == other {
                    0.5
                } else {
                    0.0
                }
            })
            .sum()
    };
    let wins: f64 = first.iter().map(wins).sum();
    wins / (first.len() * second.len()) as f64
}

/// Chance alone moves the area of so many pairs by this (one standard deviation; Mann and Whitney).
fn deviation(pairs: usize) -> f64 {
    let n = pairs as f64;
    ((2.0 * n + 1.0) / (12.0 * n * n)).sqrt()
}

async fn time(server: &Server, name: &str) -> Duration {
    let began = Instant::now();
    let answer = server.login_form(&[("username", name), ("password", "wrong1word")]).await;
    let elapsed = began.elapsed();
    answer.expect_detail(StatusCode::UNAUTHORIZED, "Incorrect username or password");
    elapsed
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_user_takes_as_long_as_a_wrong_password(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let pairs = std::env::var("DAYBOOK_PAIRS").map_or(200, |pairs| pairs.parse().unwrap());
    let server = Server::on(kind).await;
    server.register("ada").await;
    server.login("ada").await;
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for pair in 0..pairs {
        // In both orders, so that whatever else the machine does is spread over both.
        let absent = format!("ada{pair}");
        if pair % 2 == 0 {
            known.push(time(&server, "ada").await);
            unknown.push(time(&server, &absent).await);
        } else {
            unknown.push(time(&server, &absent).await);
            known.push(time(&server, "ada").await);
        }
    }
    let area = auc(&known, &unknown);
    // 0.05 is what is promised; with fewer pairs than 1,000, chance moves it further than that.
    let allowed = f64::max(0.05, 4.0 * deviation(pairs));
    println!("AUC of {pairs} pairs on {kind:?}: {area:.3}");
    assert!((area - 0.5).abs() <= allowed, "AUC {area} of {pairs} pairs");
    // That it would be seen at all: a login that hashes nothing.
    let long = PASSWORD.repeat(100);
    let mut unhashed = Vec::new();
    for _ in 0..20 {
        let began = Instant::now();
        let answer = server.login_form(&[("username", "ada"), ("password", &long)]).await;
        unhashed.push(began.elapsed());
        answer.expect(StatusCode::UNAUTHORIZED);
    }
    assert!(auc(&known, &unhashed) > 0.9, "{}", auc(&known, &unhashed));
}
