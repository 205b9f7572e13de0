//! The arithmetic of reservations: never too little, and exactly full is allowed.

use super::*;

const fn storage(items: u64, bytes: u64) -> Storage {
    Storage { items, bytes }
}

const ONE: Growth = create(1, 10);

/// Returns the growth by a write that replaces nothing.
const fn create(items: u64, bytes: u64) -> Growth {
    Growth { upper_bound: storage(items, bytes), net: storage(items, bytes) }
}

/// Returns the tally of a user whose count has found this.
fn counted(stored: Storage, now: Instant) -> Tally {
    let mut tally = Tally::default();
    tally.begin_count();
    tally.end_count(stored, Duration::ZERO, now);
    tally
}

#[test]
fn check_allows_exactly_full_and_names_the_quota() {
    let limit = storage(10, 100);
    for (base, net, expected) in [
        (storage(9, 90), storage(1, 10), Ok(())),
        (storage(10, 90), storage(1, 10), Err(Exceeded::Items(10))),
        (storage(9, 91), storage(1, 10), Err(Exceeded::Bytes(100))),
        (storage(10, 91), storage(1, 10), Err(Exceeded::Items(10))),
        // A smaller quota than before: a text may still become shorter, and a title may change.
        (storage(11, 50), storage(0, 50), Ok(())),
        (storage(11, 500), storage(0, 0), Ok(())),
        (storage(5, 500), storage(0, 1), Err(Exceeded::Bytes(100))),
        (storage(u64::MAX, u64::MAX), storage(1, 1), Err(Exceeded::Items(10))),
    ] {
        assert_eq!(check(limit, base, net), expected, "{base:?} + {net:?}");
    }
}

#[test]
fn try_reserve_needs_a_first_count_unless_nothing_grows() {
    let limits = Limits::new(storage(1_000, 1_000_000));
    let mut tally = Tally::default();
    assert!(!tally.try_reserve(limits, ONE));
    assert!(tally.try_reserve(limits, Growth { net: storage(0, 0), ..ONE }));
    let mut tally = counted(storage(0, 0), Instant::now());
    assert!(tally.try_reserve(limits, ONE));
}

#[test]
fn try_reserve_needs_a_count_after_a_sixteenth_of_the_quota() {
    let limits = Limits::new(storage(160, 1_000_000));
    let mut tally = counted(storage(0, 0), Instant::now());
    let reserved = (0..160).take_while(|_| tally.try_reserve(limits, ONE)).count();
    assert_eq!(reserved, 10);
    // With a tiny quota, each write needs one.
    let limits = Limits::new(storage(10, 1_000_000));
    let mut tally = counted(storage(0, 0), Instant::now());
    assert!(!tally.try_reserve(limits, ONE));
    assert!(tally.reserve_counted(limits, ONE).is_ok());
}

#[test]
fn end_count_keeps_what_it_may_not_have_seen() {
    let (limits, now) = (Limits::new(storage(3, 1_000_000)), Instant::now());
    let mut tally = counted(storage(0, 0), now);
    // One write ended, the result of another is unknown, and a summary is still being written.
    for _ in 0..3 {
        tally.reserve_counted(limits, ONE).unwrap();
    }
    tally.commit(ONE);
    tally.commit_unknown(ONE, now);
    tally.end_count(storage(1, 10), Duration::ZERO, now);
    assert!(tally.reserve_counted(limits, ONE).is_err());
    // A minute later the unknown write is in the count, or was never stored.
    tally.end_count(storage(1, 10), Duration::ZERO, now + UNKNOWN_LIFETIME);
    assert!(tally.reserve_counted(limits, ONE).is_ok());
    assert!(tally.reserve_counted(limits, ONE).is_err());
}

#[test]
fn end_count_keeps_the_upper_bound_of_a_pending_update() {
    let (limits, now) = (Limits::new(storage(10, 100)), Instant::now());
    let mut tally = counted(storage(1, 100), now);
    let same_length = Growth { upper_bound: storage(0, 100), net: storage(0, 0) };
    assert!(tally.try_reserve(limits, same_length));
    // Another client has shortened the text, and the pending update restores its length.
    tally.end_count(storage(1, 0), Duration::ZERO, now);
    assert!(tally.reserve_counted(limits, create(0, 1)).is_err());
}

#[test]
fn cancel_makes_room_at_once_and_commit_does_not() {
    let (limits, now) = (Limits::new(storage(1, 1_000_000)), Instant::now());
    let mut tally = counted(storage(0, 0), now);
    tally.reserve_counted(limits, ONE).unwrap();
    assert!(tally.reserve_counted(limits, ONE).is_err());
    tally.cancel(ONE);
    tally.reserve_counted(limits, ONE).unwrap();
    tally.commit(ONE);
    assert!(tally.reserve_counted(limits, ONE).is_err());
}

#[test]
fn check_last_count_rejects_until_the_count_is_old_or_invalid() {
    let (limits, now) = (Limits::new(storage(10, 1_000)), Instant::now());
    let (net, later) = (storage(1, 10), now + COUNT_LIFETIME);
    let mut tally = Tally::default();
    assert!(tally.check_last_count(limits, net, now).is_ok(), "never counted");
    tally.end_count(storage(10, 100), Duration::ZERO, now);
    assert!(tally.check_last_count(limits, net, now).is_err());
    assert!(tally.check_last_count(limits, storage(0, 900), now).is_ok(), "it fits");
    assert!(tally.check_last_count(limits, storage(0, 901), now).is_err());
    assert!(tally.check_last_count(limits, net, later).is_ok(), "the count is old");
    tally.invalidate();
    assert!(tally.check_last_count(limits, net, now).is_ok());
    // A deletion during the count may not be in its result.
    tally.begin_count();
    tally.invalidate();
    tally.end_count(storage(10, 100), Duration::ZERO, now);
    assert!(tally.check_last_count(limits, net, now).is_ok());
    tally.begin_count();
    tally.end_count(storage(10, 100), Duration::ZERO, now);
    assert!(tally.check_last_count(limits, net, now).is_err());
    assert_eq!(tally.failures(), 0);
    tally.fail_count(Duration::ZERO, now);
    assert!(tally.check_last_count(limits, net, now).is_ok());
    assert_eq!(tally.failures(), 1);
}

#[test]
fn pause_is_three_times_the_last_count_and_at_most_two_seconds() {
    let (now, millis) = (Instant::now(), Duration::from_millis);
    let mut tally = Tally::default();
    assert_eq!(tally.pause(now), Duration::ZERO);
    for (took, pause) in [(1, 3), (500, 1_500), (1_000, 2_000)] {
        tally.end_count(storage(1, 1), millis(took), now);
        assert_eq!(tally.pause(now), millis(pause));
        assert_eq!(tally.pause(now + millis(1)), millis(pause - 1));
        assert_eq!(tally.pause(now + millis(3_000)), Duration::ZERO);
    }
    tally.fail_count(millis(2), now);
    assert_eq!(tally.pause(now), millis(6));
}
