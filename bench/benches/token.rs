//! Access tokens: `cargo bench -p daybook-bench --bench token`.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run should stop")]

use daybook_auth::{Secret, TokenKeys};
use divan::Bencher;

fn main() {
    divan::main();
}

const NOW: i64 = 1_795_338_956;

fn keys() -> TokenKeys {
    TokenKeys::new(Secret::generate().unwrap())
}

#[divan::bench]
fn issue(bencher: Bencher<'_, '_>) {
    let keys = keys();
    bencher.bench(|| keys.issue(1, 1, NOW).unwrap());
}

#[divan::bench]
fn verify(bencher: Bencher<'_, '_>) {
    let keys = keys();
    let token = keys.issue(1, 1, NOW).unwrap();
    bencher.bench(|| keys.verify(&token, NOW).unwrap());
}
