//! An attacker guesses a password from 1,000 addresses, and the owner still logs in.
//!
//! Run with `cargo run -p daybook-attempts --example guessing [redis://127.0.0.1]`.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{SystemTime, UNIX_EPOCH};

use daybook_attempts::{Attempt, AttemptLimits, RateLimits, Refusal, Subject, Throttle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt::init(); // Logs when Redis fails and when it is back.
    let throttle = match std::env::args().nth(1) {
        Some(url) => Throttle::new().with_redis(&url, "guessing-example")?,
        None => Throttle::new(),
    };
    let limits = AttemptLimits::new(RateLimits::default(), throttle);
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros())?;
    let home = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

    let mut guesses = 0;
    for host in 0..1_000 {
        // 198.18.0.0/15 is reserved for tests (RFC 2544).
        let client = IpAddr::V4(Ipv4Addr::from_bits(0xC612_0000 + host));
        guesses += u32::from(attempt(&limits, client, home, now).await.is_ok());
    }
    println!("the attacker: {guesses} of 1000 guesses were admitted");

    let elsewhere = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));
    match attempt(&limits, elsewhere, home, now).await {
        Ok(_) => println!("the owner elsewhere: admitted"),
        Err(refusal) => println!("the owner elsewhere: {refusal}"),
    }

    let own = attempt(&limits, home, home, now).await?;
    println!("the owner at home: admitted");
    limits.succeeded(&own, now).await;
    Ok(())
}

/// Takes an attempt for Ada's name. Her account knows one address.
async fn attempt(limits: &AttemptLimits, client: IpAddr, home: IpAddr, now: i64) -> Result<Attempt, Refusal> {
    let name = ["ada".to_owned()];
    match limits.attempt(Subject::Login(&name), Some(client), now).await {
        Err(_) if client == home => limits.attempt(Subject::KnownAddress(&name), Some(client), now).await,
        other => other,
    }
}
