//! The log lines of the background task.

use std::io;
use std::sync::{Arc, Mutex};

use daybook_revocation::Revocations;
use daybook_test_servers::Redis;

use crate::{LIFETIME, eventually};

/// A log that a test can read.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

// The runtime has one thread, so the background task logs to this thread's subscriber.
#[tokio::test]
async fn background_task_logs_an_outage_once_without_the_password() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let redis = Redis::start();
    redis.query(&["CONFIG", "SET", "requirepass", "canary"]);
    let url = redis.url().replace("127.0.0.1", ":canary@127.0.0.1");
    let revocations = Revocations::new(LIFETIME).with_redis(&url, "test").unwrap();
    revocations.revoke([7], 0);
    let stream_exists = || redis.query(&["-a", "canary", "--no-auth-warning", "DBSIZE"]) == "1";
    eventually("the session is written", stream_exists).await;
    redis.kill();
    eventually("the outage is noticed", || revocations.redis_is_healthy() == Some(false)).await;
    redis.start_again();
    redis.query(&["CONFIG", "SET", "requirepass", "canary"]);
    eventually("Redis is back", || revocations.redis_is_healthy() == Some(true)).await;
    let log = log.text();
    assert_eq!(log.matches("Redis does not answer").count(), 1, "{log}");
    assert_eq!(log.matches("Redis is back").count(), 1, "{log}");
    assert!(!log.contains("canary"), "{log}");
}
