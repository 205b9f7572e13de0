//! The memory that verifying takes. This test has its own process, so that it can be measured.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test reports a failure by a panic")]

use std::fs;

use daybook_auth::{Hasher, HasherOptions, Password, PasswordHash, Verdict};

/// Returns a value of `/proc/self/status` in MiB.
fn status(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    value.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() / 1024
}

/// The first parameters need the most memory that is allowed. The second are those of Werkzeug.
#[tokio::test]
async fn verify_of_an_scrypt_hash_takes_no_more_memory_than_argon2id_and_frees_it() {
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
