//! The time of a login does not reveal whether an account exists.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use rstest::rstest;

use crate::harness::{Kind, PASSWORD, Server, TEST_TIMEOUT};

/// Returns the area under the ROC curve: the probability that a time of `first` is longer than one
/// of `second`. If it is one half, the times reveal nothing.
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

/// Returns the standard deviation of the area under the null hypothesis (Mann and Whitney).
fn deviation(pairs: usize) -> f64 {
    let n = pairs as f64;
    ((2.0 * n + 1.0) / (12.0 * n * n)).sqrt()
}

/// Returns the time of a failing login.
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
async fn login_takes_as_long_for_an_unknown_user_as_for_a_wrong_password(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let pairs = std::env::var("DAYBOOK_PAIRS").map_or(200, |pairs| pairs.parse().unwrap());
    let server = Server::on(kind).await;
    server.register("ada").await;
    server.login("ada").await;
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for pair in 0..pairs {
        // The order alternates, so the load of the machine affects both equally.
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
    // The goal is 0.05. With fewer than 1,000 pairs, the random deviation can be larger.
    let allowed = f64::max(0.05, 4.0 * deviation(pairs));
    println!("AUC of {pairs} pairs on {kind:?}: {area:.3}");
    assert!((area - 0.5).abs() <= allowed, "AUC {area} of {pairs} pairs");
    // The service does not hash a password that is too long. The measurement must detect this, or
    // it is too coarse.
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
