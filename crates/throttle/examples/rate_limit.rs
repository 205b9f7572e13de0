//! Admits three requests at once, and one more every ten seconds.
//!
//! Run with `cargo run -p daybook-throttle --example rate_limit [redis://127.0.0.1]`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use daybook_throttle::{Bucket, Throttle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt::init(); // Logs when Redis fails and when it is back.
    let throttle = match std::env::args().nth(1) {
        Some(url) => Throttle::new().with_redis(&url, "rate-limit-example")?,
        None => Throttle::new(),
    };
    let bucket = Bucket { name: "address", key: "192.0.2.7", quota: "3/30s".parse()? };
    for request in 1..=6 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros();
        match throttle.take(&[bucket], i64::try_from(now)?).await {
            Ok(()) => println!("request {request} is admitted"),
            Err(refusal) => println!("request {request} is refused, retry after {:?}", refusal.retry_after),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}
