//! Runs at most two jobs of each user at once, and at most three in total.
//!
//! Run with `cargo run -p daybook-throttle --example concurrency`.

use std::time::Duration;

use daybook_throttle::{Concurrency, Permit};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let jobs = Concurrency::new(2, 3);
    let mut running = Vec::new();
    for user in ["ada", "ada", "ada", "bob", "eve"] {
        match jobs.try_acquire(user) {
            Ok(permit) => running.push(tokio::spawn(run(user, permit))),
            Err(full) => println!("no job for {user}: {full}"),
        }
    }
    for job in running {
        job.await?;
    }
    Ok(())
}

/// Sleeps for 100 ms. The permit is given back when the job ends, even if it panics.
async fn run(user: &str, _permit: Permit<&str>) {
    println!("a job for {user} begins");
    tokio::time::sleep(Duration::from_millis(100)).await;
    println!("a job for {user} ends");
}
