//! Lets three in at once and one more every ten seconds: `cargo run -p daybook-throttle --example doorman [redis://127.0.0.1]`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use daybook_throttle::{Bucket, Throttle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let throttle = match std::env::args().nth(1) {
        Some(url) => Throttle::new().with_redis(&url, "doorman")?,
        None => Throttle::new(),
    };
    let door = Bucket { name: "door", key: "front", quota: "3/30s".parse()? };
    for guest in 1..=6 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros();
        match throttle.take(&[door], i64::try_from(now)?).await {
            Ok(()) => println!("guest {guest} is in"),
            Err(refusal) => println!("guest {guest} comes back in {:?}", refusal.retry_after),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}
