//! What verifying costs in memory; a process of its own, so that it can be measured.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test says by a panic what is wrong")]

use std::fs;

use daybook_auth::{Hasher, HasherOptions, Password, PasswordHash, Verdict};

/// In MiB, of this process.
fn status(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    value.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() / 1024
}

/// As much memory as there may be, and what Werkzeug's hashes take.
#[tokio::test]
async fn an_older_hash_takes_no_more_than_a_new_one_and_leaves_nothing_behind() {
    let idle = status("VmRSS");
    let hasher = Hasher::new(HasherOptions { threads: 1, ..HasherOptions::default() }).unwrap();
    let password = || Password::new("correct horse 9".to_owned());
    let output = "00".repeat(64);
    for parameters in ["65536:8:1", "32768:8:1"] {
        hasher.verify_absent(password()).await.unwrap();
        assert!(status("VmRSS") >= idle + 64, "the thread keeps what Argon2id needs");
        let stored = PasswordHash::from_stored(format!("scrypt:{parameters}$salt${output}"));
        assert_eq!(hasher.verify(password(), stored).await.unwrap(), Verdict::Wrong);
        let (peak, now) = (status("VmHWM"), status("VmRSS"));
        assert!(peak <= idle + 64 + 16, "{parameters}: {idle} MiB idle, {peak} at most");
        assert!(now <= idle + 16, "{parameters}: {idle} MiB idle, {now} afterwards");
    }
}
