//! The memory that hashing takes and returns. These tests have their own process, so that it can be
//! measured.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test reports a failure by a panic")]

use std::fs;
use std::time::{Duration, Instant};

use daybook_auth::{Error, HashParameters, Hasher, HasherOptions, Password, PasswordHash, Verdict};
use futures_util::future::join_all;
use tokio::sync::{Mutex, MutexGuard};

/// In MiB: the memory of the test itself, of tasks and of threads.
const SLACK: u64 = 16;

/// The tests measure the same process, so only one runs at a time.
static PROCESS: Mutex<()> = Mutex::const_new(());

/// Waits for the other tests and for the end of their threads, and resets the peak. Returns the
/// memory of the idle process in MiB.
async fn measure_alone() -> (MutexGuard<'static, ()>, u64) {
    let alone = PROCESS.lock().await;
    // The threads of a dropped hasher free its memory when they end.
    let began = Instant::now();
    while hashing_threads() > 0 {
        assert!(began.elapsed() < Duration::from_secs(30), "the threads of another test have not ended");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    fs::write("/proc/self/clear_refs", "5").unwrap();
    (alone, status("VmRSS"))
}

fn hashing_threads() -> usize {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    // A thread that ends in this moment has no name.
    let names = threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("comm")).ok());
    names.filter(|name| name == "password-hash\n").count()
}

/// Returns a value of `/proc/self/status` in MiB.
fn status(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    value.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() / 1024
}

fn password() -> Password {
    Password::new("correct horse 9".to_owned())
}

fn scrypt(parameters: &str) -> PasswordHash {
    PasswordHash::from_stored(format!("scrypt:{parameters}$salt${}", "00".repeat(64)))
}

fn argon2id(parameters: &str) -> PasswordHash {
    let salt_and_output = "MyeaZPHUU1vE52HLLsFTfA$3hB0wOuu/o33qP+Jtg/+RAa35nB5I4HahrN+A+SuIos";
    PasswordHash::from_stored(format!("$argon2id$v=19${parameters}${salt_and_output}"))
}

/// The first parameters need the most memory that is allowed. The second are those of Werkzeug.
#[tokio::test]
async fn verify_of_an_scrypt_hash_takes_no_more_memory_than_the_limit_and_frees_it() {
    let (_alone, idle) = measure_alone().await;
    let hasher =
        Hasher::new(HasherOptions { memory_kib: 64 << 10, ..HasherOptions::with_threads(1) }).unwrap();
    for parameters in ["65536:8:1", "32768:8:1"] {
        hasher.verify_absent(password()).await.unwrap();
        assert!(status("VmRSS") >= idle + 64, "the memory of Argon2id is kept");
        assert_eq!(hasher.verify(password(), scrypt(parameters)).await.unwrap(), Verdict::Wrong);
        let peak = status("VmHWM");
        assert!(peak <= idle + 64 + SLACK, "{parameters}: {idle} MiB idle, {peak} at most");
        let now = status("VmRSS");
        assert!(now <= idle + SLACK, "{parameters}: {idle} MiB idle, {now} afterwards");
    }
}

/// Each thread has a heap of its own. After the first of these allocations is freed, glibc would
/// take the next ones from these heaps by default, and keep them.
#[tokio::test]
async fn verify_of_scrypt_hashes_on_several_threads_frees_their_memory() {
    let (_alone, idle) = measure_alone().await;
    let options = HasherOptions { parameters: HashParameters::FLOOR, ..HasherOptions::with_threads(4) };
    let hasher = Hasher::new(options).unwrap();
    for round in 0..4 {
        let all = (0..8).map(|_| hasher.verify(password(), scrypt("16384:14:1")));
        assert!(join_all(all).await.into_iter().all(|verdict| verdict.unwrap() == Verdict::Wrong));
        let now = status("VmRSS");
        assert!(now <= idle + SLACK, "round {round}: {idle} MiB idle, {now} afterwards");
    }
    let peak = status("VmHWM");
    assert!(peak <= idle + 4 * 28 + SLACK, "{idle} MiB idle, {peak} at most");
}

#[tokio::test]
async fn concurrent_hashes_stay_within_the_memory_limit() {
    let (_alone, idle) = measure_alone().await;
    let options = HasherOptions {
        parameters: HashParameters::FLOOR,
        memory_kib: 256 << 10,
        queue: 64,
        ..HasherOptions::with_threads(4)
    };
    let hasher = Hasher::new(options).unwrap();
    // Memory for new hashes is retained before the large hashes begin, and among them.
    let stored = ["m=19456,t=2,p=1", "m=262144,t=1,p=1", "m=131072,t=1,p=1", "m=8,t=1,p=1"].map(argon2id);
    let stored = stored.into_iter().chain([scrypt("65536:8:1"), scrypt("32768:8:1")]);
    let all = (0..4).flat_map(|_| stored.clone()).map(|stored| hasher.verify(password(), stored));
    assert!(join_all(all).await.into_iter().all(|verdict| verdict.unwrap() == Verdict::Wrong));
    let peak = status("VmHWM");
    assert!(peak >= idle + 256, "{idle} MiB idle, {peak} at most");
    assert!(peak <= idle + 256 + SLACK, "{idle} MiB idle, {peak} at most");
}

#[tokio::test]
async fn verify_rejects_a_stored_hash_that_alone_exceeds_the_memory_limit() {
    let (_alone, idle) = measure_alone().await;
    let options = HasherOptions {
        parameters: HashParameters::FLOOR,
        memory_kib: 32 << 10,
        ..HasherOptions::with_threads(4)
    };
    let hasher = Hasher::new(options).unwrap();
    assert_eq!(hasher.verify(password(), argon2id("m=32768,t=1,p=1")).await.unwrap(), Verdict::Wrong);
    assert_eq!(hasher.verify(password(), scrypt("32768:8:1")).await.unwrap(), Verdict::Wrong);
    for stored in [argon2id("m=32769,t=1,p=1"), argon2id("m=262144,t=1,p=1"), scrypt("65536:8:1")] {
        assert!(matches!(hasher.verify(password(), stored).await, Err(Error::UnsupportedHash)));
    }
    let peak = status("VmHWM");
    assert!(peak <= idle + 32 + SLACK, "{idle} MiB idle, {peak} at most");
    let too_little = HasherOptions { memory_kib: (64 << 10) - 1, ..HasherOptions::with_threads(1) };
    assert!(matches!(Hasher::new(too_little), Err(Error::Internal(_))));
}

#[tokio::test]
async fn memory_is_returned_to_the_system_after_the_retention() {
    let (_alone, idle) = measure_alone().await;
    let retention = Duration::from_secs(1);
    let hasher = Hasher::new(HasherOptions { retention, ..HasherOptions::with_threads(4) }).unwrap();
    for round in 0..2 {
        let all = join_all((0..16).map(|_| hasher.verify_absent(password()))).await;
        let ended = Instant::now();
        assert!(all.into_iter().all(|result| result.is_ok()));
        let kept = status("VmRSS");
        if ended.elapsed() < retention {
            assert!(kept >= idle + 64, "round {round}: {idle} MiB idle, {kept} kept");
        }
        while status("VmRSS") > idle + SLACK {
            assert!(ended.elapsed() < Duration::from_secs(30), "round {round}: memory is not returned");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
