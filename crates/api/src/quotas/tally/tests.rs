//! The arithmetic of admissions: never too little, and exactly full is allowed.

use super::*;

const fn storage(items: u64, bytes: u64) -> Storage {
    Storage { items, bytes }
}

const ONE: Charge = charge(1, 10);

const fn charge(items: u64, bytes: u64) -> Charge {
    Charge { most: storage(items, bytes), growth: storage(items, bytes) }
}

/// Returns the tally of a user whose count has found this.
fn counted(stored: Storage, now: Instant) -> Tally {
    let mut tally = Tally::default();
    tally.begin_count();
    tally.end_count(stored, now);
    tally
}

#[test]
fn exceeded_allows_exactly_full_and_names_the_quota() {
    let limit = storage(10, 100);
    for (base, growth, expected) in [
        (storage(9, 90), storage(1, 10), None),
        (storage(10, 90), storage(1, 10), Some("10 notes and tasks")),
        (storage(9, 91), storage(1, 10), Some("100 bytes")),
        (storage(10, 91), storage(1, 10), Some("10 notes and tasks")),
        // A smaller quota than before: a text may still become shorter, and a title may change.
        (storage(11, 50), storage(0, 50), None),
        (storage(11, 500), storage(0, 0), None),
        (storage(5, 500), storage(0, 1), Some("100 bytes")),
        (storage(u64::MAX, u64::MAX), storage(1, 1), Some("10 notes and tasks")),
    ] {
        let found = exceeded(limit, base, growth).map(|error| error.sentence());
        let is_expected = match (&found, expected) {
            (Some(sentence), Some(part)) => sentence.contains(part),
            (found, expected) => found.is_none() && expected.is_none(),
        };
        assert!(is_expected, "{base:?} + {growth:?}: {found:?}");
    }
}

#[test]
fn try_charge_needs_a_first_count_unless_nothing_grows() {
    let limits = Limits::new(storage(1_000, 1_000_000));
    let mut tally = Tally::default();
    assert!(!tally.try_charge(limits, ONE));
    assert!(tally.try_charge(limits, Charge { growth: storage(0, 0), ..ONE }));
    let mut tally = counted(storage(0, 0), Instant::now());
    assert!(tally.try_charge(limits, ONE));
}

#[test]
fn try_charge_needs_a_count_after_a_sixteenth_of_the_quota() {
    let limits = Limits::new(storage(160, 1_000_000));
    let mut tally = counted(storage(0, 0), Instant::now());
    let admitted = (0..160).take_while(|_| tally.try_charge(limits, ONE)).count();
    assert_eq!(admitted, 10);
    // With a tiny quota, each write needs one.
    let limits = Limits::new(storage(10, 1_000_000));
    let mut tally = counted(storage(0, 0), Instant::now());
    assert!(!tally.try_charge(limits, ONE));
    assert!(tally.charge_counted(limits, ONE).is_ok());
}

#[test]
fn end_count_keeps_what_it_may_not_have_seen() {
    let (limits, now) = (Limits::new(storage(3, 1_000_000)), Instant::now());
    let mut tally = counted(storage(0, 0), now);
    // One write ended, the result of another is unknown, and a summary is still being written.
    for _ in 0..3 {
        tally.charge_counted(limits, ONE).unwrap();
    }
    tally.keep(ONE);
    tally.lose(ONE, now);
    tally.end_count(storage(1, 10), now);
    assert!(tally.charge_counted(limits, ONE).is_err());
    // A minute later the lost write is in the count, or was never stored.
    tally.end_count(storage(1, 10), now + LATE_LIFETIME);
    assert!(tally.charge_counted(limits, ONE).is_ok());
    assert!(tally.charge_counted(limits, ONE).is_err());
}

#[test]
fn end_count_keeps_the_upper_bound_of_a_pending_update() {
    let (limits, now) = (Limits::new(storage(10, 100)), Instant::now());
    let mut tally = counted(storage(1, 100), now);
    let same_length = Charge { most: storage(0, 100), growth: storage(0, 0) };
    assert!(tally.try_charge(limits, same_length));
    // Another client has shortened the text, and the pending update restores its length.
    tally.end_count(storage(1, 0), now);
    assert!(tally.charge_counted(limits, charge(0, 1)).is_err());
}

#[test]
fn refund_makes_room_at_once_and_keep_does_not() {
    let (limits, now) = (Limits::new(storage(1, 1_000_000)), Instant::now());
    let mut tally = counted(storage(0, 0), now);
    tally.charge_counted(limits, ONE).unwrap();
    assert!(tally.charge_counted(limits, ONE).is_err());
    tally.refund(ONE);
    tally.charge_counted(limits, ONE).unwrap();
    tally.keep(ONE);
    assert!(tally.charge_counted(limits, ONE).is_err());
}

#[test]
fn check_verdict_rejects_without_a_count_until_something_is_released() {
    let (limits, now) = (Limits::new(storage(10, 1_000)), Instant::now());
    let (growth, later) = (storage(1, 10), now + VERDICT_LIFETIME);
    let mut tally = Tally::default();
    assert!(tally.check_verdict(limits, growth, now).is_ok(), "never counted");
    tally.end_count(storage(10, 100), now);
    assert!(tally.check_verdict(limits, growth, now).is_err());
    assert!(tally.check_verdict(limits, storage(0, 900), now).is_ok(), "it fits");
    assert!(tally.check_verdict(limits, storage(0, 901), now).is_err());
    assert!(tally.check_verdict(limits, growth, later).is_ok(), "the count is old");
    tally.release();
    assert!(tally.check_verdict(limits, growth, now).is_ok());
    // A deletion during the count may not be in its result.
    tally.begin_count();
    tally.release();
    tally.end_count(storage(10, 100), now);
    assert!(tally.check_verdict(limits, growth, now).is_ok());
    tally.begin_count();
    tally.end_count(storage(10, 100), now);
    assert!(tally.check_verdict(limits, growth, now).is_err());
    tally.fail_count();
    assert!(tally.check_verdict(limits, growth, now).is_ok());
    assert_eq!(tally.failures(), 1);
}
