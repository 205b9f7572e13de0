//! Verifying the password hashes of older services. Those in `data` were made by Python.

mod rejected;

use data_encoding::HEXLOWER;
use daybook_auth::{Error, HashParameters, Hasher, HasherOptions, Password, PasswordHash, Verdict};
use futures_util::FutureExt;
use futures_util::future::join_all;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::passwords::edits;

/// The hashes that Werkzeug made with scrypt. The first has the default parameters.
const SCRYPT: &str = include_str!("data/scrypt.txt");

/// The hashes that Werkzeug made with PBKDF2. The defaults of 3.1, 2.3 and 2.0 are among them. One
/// hash does not name its million iterations.
const PBKDF2: &str = include_str!("data/pbkdf2.txt");

/// The hashes that Python's bcrypt and passlib made, with the costs that services use.
const BCRYPT: &str = include_str!("data/bcrypt.txt");

/// Reads lines of a password's name and its hash.
fn vectors(lines: &str) -> Vec<(String, &str)> {
    lines
        .lines()
        .map(|line| {
            let (name, stored) = line.split_once(' ').unwrap();
            (password_named(name), stored)
        })
        .collect()
}

fn password_named(name: &str) -> String {
    match name {
        "UNICODE" => "pässwörd 1 \u{1F511}".to_owned(),
        "EMPTY" => String::new(),
        "PLAIN" => "correct horse 9".to_owned(),
        // 121 bytes. Byte 72, the last that bcrypt uses, is the first half of a character.
        "CUT" => format!("x{}", "ä".repeat(60)),
        "WITH_NUL" => "a\0b".to_owned(),
        // The number of bytes that bcrypt uses.
        "FULL" => "e".repeat(72),
        "LONG" => "0".repeat(1000),
        _ => panic!("unknown name {name}"),
    }
}

fn hasher() -> Hasher {
    Hasher::new(HasherOptions {
        parameters: HashParameters::FLOOR,
        queue: 64,
        ..HasherOptions::with_threads(2)
    })
    .unwrap()
}

async fn verify(hasher: &Hasher, password: &str, stored: &str) -> Result<Verdict, Error> {
    let stored = PasswordHash::from_stored(stored.to_owned());
    hasher.verify(Password::new(password.to_owned()), stored).await
}

/// The verdict on the right password.
fn right(password: &str, stored: &str) -> Verdict {
    let truncated = stored.starts_with("$2") && password.len() > 72;
    if truncated { Verdict::Right } else { Verdict::RightButOutdated }
}

async fn assert_all_are_right(lines: &str, count: usize) {
    let hasher = hasher();
    let vectors = vectors(lines);
    assert_eq!(vectors.len(), count);
    let checks = vectors.iter().map(async |(password, stored)| {
        let verdict = verify(&hasher, password, stored).await.unwrap();
        assert_eq!(verdict, right(password, stored), "{stored}");
        let wrong = format!("!{password}");
        assert_eq!(verify(&hasher, &wrong, stored).await.unwrap(), Verdict::Wrong, "{stored}");
    });
    join_all(checks).await;
}

#[tokio::test]
async fn verify_accepts_scrypt_hashes_of_werkzeug() {
    assert_all_are_right(SCRYPT, 19).await;
}

#[tokio::test]
async fn verify_accepts_pbkdf2_hashes_of_werkzeug() {
    assert_all_are_right(PBKDF2, 18).await;
}

#[tokio::test]
async fn verify_accepts_bcrypt_hashes_of_python() {
    assert_all_are_right(BCRYPT, 27).await;
}

#[tokio::test]
async fn verify_uses_the_first_72_bytes_of_a_password_for_bcrypt() {
    let hasher = hasher();
    for (password, stored) in vectors(BCRYPT).iter().filter(|(password, _)| password.len() >= 72) {
        let cut = &password.as_bytes()[..71];
        for (other, verdict) in [
            // Right, but not outdated: the end may be mistyped, so the hash must stay.
            (format!("{password}!"), Verdict::Right),
            (format!("{password}\0"), Verdict::Wrong),
            (format!("!{password}"), Verdict::Wrong),
            (String::from_utf8(cut.to_vec()).unwrap(), Verdict::Wrong),
        ] {
            assert_eq!(verify(&hasher, &other, stored).await.unwrap(), verdict, "{other:?}");
        }
    }
}

/// bcrypt repeats a password with a NUL in between. Without a check all of these would be right.
#[tokio::test]
async fn verify_rejects_a_nul_for_bcrypt() {
    let hasher = hasher();
    let stored = bcrypt::hash("a", 4).unwrap();
    assert_eq!(verify(&hasher, "a", &stored).await.unwrap(), Verdict::RightButOutdated);
    for other in ["a\0", "a\0a", "a\0a\0a", "\0a"] {
        assert_eq!(verify(&hasher, other, &stored).await.unwrap(), Verdict::Wrong, "{other:?}");
    }
}

#[tokio::test]
async fn verify_rejects_unsupported_hashes_at_once() {
    let hasher = hasher();
    let texts = rejected::texts();
    assert!(texts.len() >= 30, "{}", texts.len());
    for stored in texts {
        // Ready at the first poll, so no thread was used.
        let verdict = verify(&hasher, "a", &stored).now_or_never();
        assert!(matches!(verdict, Some(Err(Error::UnsupportedHash))), "{stored}");
    }
}

fn scrypt_hash(password: &str) -> String {
    let mut output = [0; 64];
    let params = scrypt::Params::new(1, 1, 1).unwrap();
    scrypt::scrypt(password.as_bytes(), b"salt", &params, &mut output).unwrap();
    format!("scrypt:2:1:1$salt${}", HEXLOWER.encode(&output))
}

fn pbkdf2_hash(password: &str) -> String {
    let output = pbkdf2::pbkdf2_hmac_array::<sha2::Sha256, 32>(password.as_bytes(), b"salt", 1);
    format!("pbkdf2:sha256:1$salt${}", HEXLOWER.encode(&output))
}

/// The part of a password that bcrypt uses.
fn truncated(password: &str) -> &[u8] {
    &password.as_bytes()[..password.len().min(72)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn verify_rejects_every_edit_of_one_character(
        text in vec(any::<char>().prop_filter("bcrypt accepts no NUL", |c| *c != '\0'), 1..40),
        position: Index,
        with: char,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let hasher = hasher();
            let original: String = text.iter().collect();
            let hashes =
                [scrypt_hash(&original), pbkdf2_hash(&original), bcrypt::hash(&original, 4).unwrap()];
            for stored in &hashes {
                assert_eq!(verify(&hasher, &original, stored).await.unwrap(), right(&original, stored));
                for changed in edits(&text, &position, with) {
                    let changed: String = changed.iter().collect();
                    let same_to_bcrypt = stored.starts_with("$2b$")
                        && truncated(&changed) == truncated(&original)
                        && !changed.contains('\0');
                    let verdict = if same_to_bcrypt { right(&changed, stored) } else { Verdict::Wrong };
                    let found = verify(&hasher, &changed, stored).await.unwrap();
                    assert_eq!(found, verdict, "{stored}: {original:?} became {changed:?}");
                }
            }
        });
    }
}
