//! Ends a session on one instance, and waits until another instance rejects its tokens.
//!
//! Run with `cargo run -p daybook-revocation --example two_instances [redis://127.0.0.1]`.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use daybook_revocation::Revocations;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt::init(); // Logs when Redis fails and when it is back.
    let url = std::env::args().nth(1).unwrap_or_else(|| "redis://127.0.0.1".to_owned());
    let instance = || Revocations::new(Duration::from_secs(60)).with_redis(&url, "two-instances-example");
    let (here, there) = (instance()?, instance()?);

    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    here.revoke([now], now); // No earlier run has used this session id.
    println!("here: revoked is {}", here.is_revoked(now, now));

    let began = Instant::now();
    while !there.is_revoked(now, now) && began.elapsed() < Duration::from_secs(2) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    println!("there: revoked is {} after {:?}", there.is_revoked(now, now), began.elapsed());
    Ok(())
}
