//! The time of a login does not reveal whether an account exists.

use std::hash::{BuildHasher, RandomState};
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

/// The names of a login, in pairs that must take the same time.
const NAMES: [fn(usize) -> String; 4] = [
    |_| "ada".to_owned(),
    |round| format!("absent{round}"),
    |_| "ada@example.com".to_owned(),
    |round| format!("absent{round}@example.com"),
];

/// Both names of each comparison, by their index.
const COMPARED: [(&str, usize, usize); 3] =
    [("usernames", 0, 1), ("addresses", 2, 3), ("an unknown username and address", 1, 3)];

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_takes_as_long_for_an_unknown_user_as_for_a_wrong_password(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    // With 1,100 pairs, four standard deviations are 0.05.
    let pairs = std::env::var("DAYBOOK_PAIRS").map_or(1_100, |pairs| pairs.parse().unwrap());
    let server = Server::on(kind).await;
    server.register("ada").await;
    server.login("ada").await;
    let mut times = [(); NAMES.len()].map(|()| Vec::new());
    let random = RandomState::new();
    for round in 0..pairs {
        // The order is random, so the load of the machine affects all names equally.
        let mut order = [0, 1, 2, 3];
        order.sort_by_key(|name| random.hash_one((round, name)));
        for name in order {
            times[name].push(time(&server, &NAMES[name](round)).await);
        }
    }
    for (what, first, second) in COMPARED {
        let area = auc(&times[first], &times[second]);
        println!("AUC of {pairs} pairs of {what} on {kind:?}: {area:.3}");
        assert!((area - 0.5).abs() <= 4.0 * deviation(pairs), "AUC {area} of {pairs} pairs of {what}");
    }
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
    assert!(auc(&times[0], &unhashed) > 0.9, "{}", auc(&times[0], &unhashed));
}
