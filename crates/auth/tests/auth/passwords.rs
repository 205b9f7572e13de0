//! Hashing and verifying with Argon2id.

use daybook_auth::{Error, HashParameters, Hasher, HasherOptions, Password, PasswordHash, Verdict};
use futures_util::future::join_all;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

fn hasher() -> Hasher {
    Hasher::new(HasherOptions { parameters: HashParameters::FLOOR, ..HasherOptions::with_threads(2) })
        .unwrap()
}

fn password(text: &str) -> Password {
    Password::new(text.to_owned())
}

#[test]
fn debug_shows_the_parameters() {
    assert!(format!("{:?}", hasher()).contains("memory_kib: 19456"), "{:?}", hasher());
}

#[tokio::test]
async fn verify_accepts_the_exact_password_only() {
    let hasher = hasher();
    let stored = hasher.hash(password("ä 1\0")).await.unwrap();
    assert!(stored.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", stored.expose());
    assert_eq!(hasher.verify(password("ä 1\0"), stored.clone()).await.unwrap(), Verdict::Right);
    for wrong in ["", "ä 1", "ä 1\0\0", "Ä 1\0", "a\u{308} 1\0", " ä 1\0", "ä 1\0 "] {
        assert_eq!(
            hasher.verify(password(wrong), stored.clone()).await.unwrap(),
            Verdict::Wrong,
            "{wrong:?}"
        );
    }
}

#[tokio::test]
async fn verify_uses_the_whole_of_a_long_password() {
    let hasher = hasher();
    let long = "x".repeat(5000);
    let stored = hasher.hash(password(&long)).await.unwrap();
    assert_eq!(hasher.verify(password(&long), stored.clone()).await.unwrap(), Verdict::Right);
    assert_eq!(hasher.verify(password(&long[1..]), stored).await.unwrap(), Verdict::Wrong);
}

#[tokio::test]
async fn hash_uses_a_new_salt_every_time() {
    let hasher = hasher();
    assert_ne!(hasher.hash(password("a")).await.unwrap(), hasher.hash(password("a")).await.unwrap());
}

#[tokio::test]
async fn verify_reports_weaker_and_stronger_parameters_as_outdated() {
    let weak = hasher();
    let parameters = HashParameters::new(20_000, 2, 2).unwrap();
    let strong = Hasher::new(HasherOptions { parameters, ..HasherOptions::with_threads(1) }).unwrap();
    for (maker, verifier) in [(&weak, &strong), (&strong, &weak)] {
        let stored = maker.hash(password("a")).await.unwrap();
        assert_eq!(maker.verify(password("a"), stored.clone()).await.unwrap(), Verdict::Right);
        assert_eq!(verifier.verify(password("a"), stored.clone()).await.unwrap(), Verdict::RightButOutdated);
        assert_eq!(verifier.verify(password("b"), stored).await.unwrap(), Verdict::Wrong);
    }
}

#[tokio::test]
async fn verify_rejects_unsupported_hashes() {
    let hasher = hasher();
    for stored in [
        "",
        "plain text",
        "$2x$12$Ct8QcuXgPsrd.7iVGqxsGuQ36t13u40QUWpwa7uF15kHYz1LUZzwK",
        "$argon2i$v=19$m=65536,t=3,p=4$MyeaZPHUU1vE52HLLsFTfA$3hB0wOuu/o33qP+Jtg/+RAa35nB5I4HahrN+A+SuIos",
        "$argon2id$v=19$m=4194304,t=3,p=4$MyeaZPHUU1vE52HLLsFTfA$3hB0wOuu/o33qP+Jtg/+RAa35nB5I4HahrN+A+SuIos",
    ] {
        let verdict = hasher.verify(password("a"), PasswordHash::from_stored(stored.to_owned())).await;
        assert!(matches!(verdict, Err(Error::UnsupportedHash)), "{stored}");
    }
}

#[tokio::test]
async fn verify_absent_succeeds_without_a_stored_hash() {
    hasher().verify_absent(password("a")).await.unwrap();
}

#[tokio::test]
async fn verify_absent_is_busy_if_the_queue_is_full() {
    let hasher = Hasher::new(HasherOptions {
        parameters: HashParameters::FLOOR,
        queue: 2,
        ..HasherOptions::with_threads(1)
    })
    .unwrap();
    let answers = join_all((0..16).map(|_| hasher.verify_absent(password("a")))).await;
    let busy = answers.iter().filter(|answer| matches!(answer, Err(Error::Busy))).count();
    let done = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(busy + done, 16);
    assert!(busy >= 12 && done >= 2, "{busy} busy, {done} done");
}

#[test]
fn hasher_is_sync_and_its_futures_are_send() {
    fn shared<T: Clone + Send + Sync + 'static>(_: &T) {}
    fn sent<T: Send>(_: &T) {}
    let hasher = hasher();
    shared(&hasher);
    sent(&hasher.hash(password("a")));
    sent(&hasher.verify(password("a"), PasswordHash::from_stored(String::new())));
}

/// Texts with one character replaced, inserted, removed, or swapped with the next.
pub(crate) fn edits(text: &[char], position: &Index, with: char) -> Vec<Vec<char>> {
    let at = position.index(text.len());
    let edits: [fn(&mut Vec<char>, usize, char); 4] = [
        |text, at, with| text[at] = with,
        |text, at, with| text.insert(at, with),
        |text, at, _| {
            text.remove(at);
        },
        |text, at, _| {
            let next = (at + 1) % text.len();
            text.swap(at, next);
        },
    ];
    let changed = edits.iter().map(|edit| {
        let mut changed = text.to_vec();
        edit(&mut changed, at, with);
        changed
    });
    changed.filter(|changed| changed != text).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn verify_rejects_every_edit_of_one_character(
        text in vec(any::<char>(), 1..40),
        position: Index,
        with: char,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let hasher = hasher();
            let original: String = text.iter().collect();
            let stored = hasher.hash(password(&original)).await.unwrap();
            assert_eq!(hasher.verify(password(&original), stored.clone()).await.unwrap(), Verdict::Right);
            for changed in edits(&text, &position, with) {
                let changed: String = changed.iter().collect();
                let verdict = hasher.verify(password(&changed), stored.clone()).await.unwrap();
                assert_eq!(verdict, Verdict::Wrong, "{original:?} became {changed:?}");
            }
        });
    }
}
