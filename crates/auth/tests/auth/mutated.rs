//! Random mutations of a valid token, all of which `verify` must reject.

use std::collections::HashSet;
use std::env;
use std::hash::{BuildHasher, RandomState};

use daybook_auth::{Secret, TokenKeys};

/// The SplitMix64 generator, so that every run makes the same mutations.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn byte(&mut self) -> u8 {
        const LIKELY: &[u8] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\t\0%\"";
        if self.below(8) == 0 { (self.next() % 128) as u8 } else { LIKELY[self.below(LIKELY.len())] }
    }
}

/// Makes one small random change.
fn mutate(token: &mut Vec<u8>, random: &mut Random) {
    if token.is_empty() {
        token.push(random.byte());
    }
    let at = random.below(token.len());
    let other = random.below(token.len());
    match random.below(9) {
        0 | 1 => token[at] = random.byte(),
        2 => token[at] = (token[at] ^ (1 << random.below(7))) & 0x7F,
        3 => token.insert(at, random.byte()),
        4 => drop(token.remove(at)),
        5 => token.swap(at, other),
        6 => token.truncate(at.max(1)),
        7 => {
            let piece = token[at.min(other)..at.max(other)].to_vec();
            token.extend(piece);
        }
        _ => {
            let dots: Vec<usize> = (0..token.len()).filter(|i| token[*i] == b'.').collect();
            if let [first, .., last] = dots[..] {
                token[if random.below(2) == 0 { first } else { last }] = random.byte();
            }
        }
    }
}

#[test]
fn verify_rejects_random_mutations_of_a_valid_token() {
    let count = env::var("DAYBOOK_MUTATIONS").map_or(1_000_000, |count| count.parse().unwrap());
    let now = 1_800_000_000;
    let keys = TokenKeys::new(Secret::generate().unwrap())
        .with_previous(vec![Secret::generate().unwrap()])
        .accept_legacy(true);
    let token = keys.issue(42, 7, now).unwrap();
    assert!(keys.verify(&token, now).is_ok());

    let mut random = Random(1);
    // A million tokens would take about 300 MB. Their hashes are enough to count different ones.
    let hashes = RandomState::new();
    let mut tried = HashSet::new();
    for _ in 0..count {
        let mut bytes = token.clone().into_bytes();
        for _ in 0..=random.below(3) {
            mutate(&mut bytes, &mut random);
        }
        let mutation = String::from_utf8(bytes).unwrap();
        if mutation != token {
            assert!(keys.verify(&mutation, now).is_err(), "{mutation}");
            tried.insert(hashes.hash_one(mutation));
        }
    }
    assert!(tried.len() > count / 2, "only {} different ones", tried.len());
}

#[test]
fn verify_rejects_every_other_last_character() {
    let now = 1_800_000_000;
    let keys = TokenKeys::new(Secret::generate().unwrap());
    let token = keys.issue(42, 7, now).unwrap();
    let accepted = (0..128_u8).filter(|last| {
        let changed = format!("{}{}", &token[..token.len() - 1], char::from(*last));
        keys.verify(&changed, now).is_ok()
    });
    assert_eq!(accepted.count(), 1, "the unused bits of the last character must be zero");
}
