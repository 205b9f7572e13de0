//! Argon2id with the default parameters: `cargo bench -p daybook-bench --bench hash`.
//!
//! `bench/argon2.py` measures the C library with the same parameters.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run should stop")]

use daybook_auth::{Hasher, HasherOptions, Password};
use divan::Bencher;
use divan::counter::ItemsCount;
use tokio::runtime::Runtime;

fn main() {
    divan::main();
}

/// Computes one hash on each thread at the same time.
#[divan::bench(args = [1, 2], sample_count = 10, sample_size = 1)]
fn hash(bencher: Bencher<'_, '_>, threads: usize) {
    let runtime = Runtime::new().unwrap();
    let hasher = Hasher::new(HasherOptions::with_threads(threads)).unwrap();
    let work = || {
        futures_util::future::join_all(
            (0..threads).map(|_| hasher.hash(Password::new("passw0rd-bench".into()))),
        )
    };
    // The first hash also allocates the memory, so it is not measured.
    runtime.block_on(work());
    bencher.counter(ItemsCount::new(threads)).bench_local(|| runtime.block_on(work()));
}
