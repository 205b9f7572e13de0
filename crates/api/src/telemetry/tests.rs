//! Panics in the log. The panic hook belongs to the whole process, so each test runs a process of
//! its own.

use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::{LogQueue, start};

#[test]
#[ignore = "aborts; the test below runs it"]
fn aborts_behind_a_panic() {
    let queue = LogQueue::start(std::io::stderr()).unwrap();
    start("info", &queue).unwrap();
    let worker = thread::Builder::new().name("worker".to_owned());
    worker.spawn(|| panic!("a canary of {}", 1)).unwrap().join().unwrap_err();
    tracing::info!("behind the panic");
    queue.flush(Duration::from_secs(60));
    let _span = tracing::info_span!("request", request_id = "r-1").entered();
    // Unwinding cannot leave this function, so the process aborts.
    extern "C" fn aborts() {
        panic!("the last line")
    }
    aborts();
}

#[test]
fn panics_are_logged_before_the_process_aborts() {
    let mut test = Command::new(std::env::current_exe().unwrap());
    test.args(["--exact", "telemetry::tests::aborts_behind_a_panic", "--ignored", "--nocapture"]);
    let output = test.env("RUST_BACKTRACE", "1").output().unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let messages: Vec<_> = lines.iter().map(|line| line["message"].as_str().unwrap()).collect();
    assert_eq!(messages[..3], ["panicked: a canary of 1", "behind the panic", "panicked: the last line"]);
    assert_eq!((&lines[0]["level"], &lines[0]["thread"]), (&json!("ERROR"), &json!("worker")));
    assert!(lines[0]["location"].as_str().unwrap().contains("telemetry/tests.rs:"), "{text}");
    assert!(lines[0]["backtrace"].as_str().unwrap().contains("aborts_behind_a_panic"), "{text}");
    assert_eq!(lines[2]["span"]["request_id"], "r-1");
}
