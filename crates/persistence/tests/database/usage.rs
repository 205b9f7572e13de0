//! The usage of summaries: reservations, charges and budgets.

use daybook_domain::{Day, Limit, PageRequest, Timestamp, Usage, UserId};
use daybook_persistence::{Budget, Database, Error, OverBudget, Reservation, Spent};
use futures_util::future::join_all;
use rstest::rstest;

use crate::client::actor;
use crate::fixture::Fixture;
use crate::fixture::Kind::{self, Postgres, Sqlite};
use crate::summaries::{SPENT, note, summary_of};

const UNLIMITED: Budget = Budget { per_user: i64::MAX, of_all: i64::MAX };

async fn reserve(
    database: &Database,
    user: UserId,
    tokens: i64,
    budget: Budget,
    now: Timestamp,
) -> Option<Reservation> {
    database.reserve_tokens(user, tokens, budget, now).await.unwrap().ok()
}

async fn usage(database: &Database, user: UserId) -> Vec<Usage> {
    database.usage(user, PageRequest::default()).await.unwrap().items
}

#[rstest]
#[tokio::test]
async fn reserve_tokens_counts_reserved_and_charged_tokens(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada) = (&fixture.database, fixture.user("ada").await);
    let (written, now) = (note(database, ada.id).await, Timestamp::now());
    let budget = Budget { per_user: 100, of_all: 1_000 };
    let first = reserve(database, ada.id, 90, budget, now).await.unwrap();
    // The request would fit after the reservation is settled.
    let rejected = database.reserve_tokens(ada.id, 11, budget, now).await.unwrap();
    assert_eq!(rejected, Err(OverBudget::ForNow(100)));
    database.store_summary(ada.id, written.id, summary_of(&written), Some(first), now).await.unwrap();
    // 34 tokens were used.
    let rejected = database.reserve_tokens(ada.id, 67, budget, now).await.unwrap();
    assert_eq!(rejected, Err(OverBudget::Today(100)));
    let second = reserve(database, ada.id, 66, budget, now).await.unwrap();
    database.settle_tokens(second, Spent::default()).await.unwrap();
    let today = Usage {
        summaries: 1,
        calls: 2,
        input_tokens: 30,
        output_tokens: 4,
        cost_micros: 9,
        ..Usage::new(Day::of(now))
    };
    assert_eq!(usage(database, ada.id).await, [today]);
    // A reservation that is never settled counts as used for the rest of the day.
    let _lost = reserve(database, ada.id, 60, budget, now).await.unwrap();
    assert_eq!(reserve(database, ada.id, 7, budget, now).await, None);
    let tomorrow = Day::of(now).next().begins();
    let next = reserve(database, ada.id, 100, budget, tomorrow).await.unwrap();
    assert_eq!(
        reserve(database, ada.id, 1, budget, Day::of(tomorrow).next().begins()).await.map(|_| ()),
        Some(())
    );
    assert_eq!(usage(database, ada.id).await.len(), 1, "nothing was used yet");
    database.settle_tokens(next, SPENT).await.unwrap();
    let days: Vec<_> = usage(database, ada.id).await.into_iter().map(|usage| usage.day).collect();
    assert_eq!(days, [Day::of(tomorrow), Day::of(now)]);
    let one = PageRequest { limit: Limit::new(1).unwrap(), cursor: None };
    let page = database.usage(ada.id, one).await.unwrap();
    let rest = database.usage(ada.id, PageRequest { cursor: page.next, ..one }).await.unwrap();
    assert_eq!((page.items[0].day, rest.items[0].day, rest.next), (Day::of(tomorrow), Day::of(now), None));
}

#[rstest]
#[tokio::test]
async fn usage_lists_a_day_of_summaries_without_a_provider(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada) = (&fixture.database, fixture.user("ada").await);
    let (written, now) = (note(database, ada.id).await, Timestamp::now());
    let reservation = reserve(database, ada.id, 90, UNLIMITED, now).await.unwrap();
    assert_eq!(usage(database, ada.id).await, [], "no summary was stored yet");
    let mut summary = summary_of(&written);
    summary.spent = Spent { calls: 0, cost_micros: Some(0), ..SPENT };
    database.store_summary(ada.id, written.id, summary, Some(reservation), now).await.unwrap();
    let listed = usage(database, ada.id).await;
    let [day] = listed.as_slice() else { panic!("{listed:?}") };
    assert_eq!((day.summaries, day.calls, day.input_tokens, day.cost_micros), (1, 0, SPENT.input_tokens, 0));
}

#[rstest]
#[tokio::test]
async fn reserve_tokens_never_exceeds_the_budget_for_concurrent_requests(
    #[values(Sqlite, Postgres)] kind: Kind,
) {
    let fixture = Fixture::new(kind).await;
    let (database, now) = (&fixture.database, Timestamp::now());
    let mut users = Vec::new();
    for name in ["ada", "bob", "eve", "zoe"] {
        users.push(fixture.user(name).await.id);
    }
    // The budget allows 10 requests per user, and 25 in total.
    let budget = Budget { per_user: 1_000, of_all: 2_500 };
    let asking = (0..64).map(|turn| reserve(database, users[turn % 4], 100, budget, now));
    let granted = join_all(asking).await;
    let of = |user: UserId| {
        granted.iter().enumerate().filter(|(turn, got)| got.is_some() && users[turn % 4] == user).count()
    };
    assert_eq!(granted.iter().flatten().count(), 25);
    assert!(
        users.iter().all(|user| of(*user) <= 10),
        "{:?}",
        users.iter().map(|user| of(*user)).collect::<Vec<_>>()
    );
    // Settling without usage releases all tokens.
    for reservation in granted.into_iter().flatten() {
        database.settle_tokens(reservation, Spent::default()).await.unwrap();
    }
    assert!(reserve(database, users[0], 1_000, budget, now).await.is_some());
    assert!(matches!(database.reserve_tokens(UserId(999), 1, budget, now).await, Err(Error::NotFound)));
}

#[rstest]
#[tokio::test]
async fn store_summary_charges_tokens_for_a_deleted_note(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada) = (&fixture.database, fixture.user("ada").await);
    let (written, now) = (note(database, ada.id).await, Timestamp::now());
    let reservation = reserve(database, ada.id, 90, UNLIMITED, now).await;
    database.delete_note(ada.id, written.id).await.unwrap();
    let stored = database.store_summary(ada.id, written.id, summary_of(&written), reservation, now).await;
    assert!(matches!(stored, Err(Error::NotFound)));
    assert_eq!(usage(database, ada.id).await[0].input_tokens, 30);
}

#[rstest]
#[tokio::test]
async fn store_summary_does_not_deadlock_with_delete_user(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    for number in 0..25 {
        let (user, now) = (fixture.user(&format!("user{number}")).await.id, Timestamp::now());
        let notes = [note(database, user).await, note(database, user).await];
        let mut stored = Vec::new();
        for written in &notes {
            let reservation = reserve(database, user, 90, UNLIMITED, now).await;
            stored.push(database.store_summary(user, written.id, summary_of(written), reservation, now));
        }
        let (actor, credentials) = (actor(user, now), database.credentials_of(user).await.unwrap());
        let (stored, deleted) = tokio::join!(join_all(stored), database.delete_user(&actor, credentials));
        let _ = deleted.unwrap();
        for stored in stored {
            assert!(matches!(stored, Ok(_) | Err(Error::NotFound)), "{stored:?}");
        }
    }
}

/// Returns the sums of an account's usage and those of all accounts.
fn sums(fixture: &Fixture) -> String {
    fixture.lines(
        "SELECT u.calls || ' ' || u.input_tokens || ' ' || u.reserved_tokens || ' ' || \
         a.tokens || ' ' || a.reserved_tokens FROM usage u JOIN usage_of_all a ON a.day = u.day",
    )
}

#[rstest]
#[tokio::test]
async fn settlement_charges_once_if_it_is_repeated(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (one, two) = (&fixture.database, fixture.another_instance());
    let (ada, now) = (fixture.user("ada").await, Timestamp::now());
    let written = note(one, ada.id).await;
    // This reservation stays, so a second release of another one would not be below zero.
    let _other = reserve(one, ada.id, 1_000, UNLIMITED, now).await.unwrap();

    let reservation = reserve(one, ada.id, 90, UNLIMITED, now).await.unwrap();
    for database in [one, &two, one] {
        database.settle_tokens(reservation, SPENT).await.unwrap();
    }
    assert_eq!(sums(&fixture), "2 30 1000 34 1000");

    // A summary whose commit was lost is settled again without a receipt.
    let reservation = reserve(one, ada.id, 90, UNLIMITED, now).await.unwrap();
    let stored = one.store_summary(ada.id, written.id, summary_of(&written), Some(reservation), now).await;
    two.settle_tokens(reservation, SPENT).await.unwrap();
    let again = two.store_summary(ada.id, written.id, summary_of(&written), Some(reservation), now).await;
    assert!(stored.is_ok() && again.is_ok(), "{stored:?} {again:?}");
    assert_eq!(sums(&fixture), "4 60 1000 68 1000");

    let reservation = reserve(one, ada.id, 90, UNLIMITED, now).await.unwrap();
    let settling = (0..16).map(|turn| [one, &two][turn % 2].settle_tokens(reservation, SPENT));
    for settled in join_all(settling).await {
        settled.unwrap();
    }
    assert_eq!(sums(&fixture), "6 90 1000 102 1000");
    assert_eq!(fixture.lines("SELECT CAST(count(*) AS TEXT) FROM reservations"), "1");
}

#[rstest]
#[tokio::test]
async fn reserve_tokens_deletes_reservations_of_earlier_days(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada) = (&fixture.database, fixture.user("ada").await);
    let mut now = Timestamp::now();
    let mut reservations = Vec::new();
    for _ in 0..3 {
        reservations.push(reserve(database, ada.id, 90, UNLIMITED, now).await.unwrap());
        now = Day::of(now).next().begins();
    }
    // The one of yesterday may still be settled.
    assert_eq!(fixture.lines("SELECT CAST(count(*) AS TEXT) FROM reservations"), "2");
    for reservation in reservations {
        database.settle_tokens(reservation, SPENT).await.unwrap();
    }
    let reserved = "SELECT CAST(reserved_tokens AS TEXT) FROM usage ORDER BY day";
    assert_eq!(fixture.lines(reserved), "90\n0\n0");
}

#[rstest]
#[tokio::test]
async fn settle_tokens_charges_all_users_for_a_deleted_account(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada, now) = (&fixture.database, fixture.user("ada").await, Timestamp::now());
    let reservation = reserve(database, ada.id, 90, UNLIMITED, now).await.unwrap();
    let verified = database.credentials_of(ada.id).await.unwrap();
    let _ = database.delete_user(&actor(ada.id, now), verified).await.unwrap();
    database.settle_tokens(reservation, SPENT).await.unwrap();
    let left = "SELECT tokens || ' ' || reserved_tokens FROM usage_of_all";
    assert_eq!(fixture.lines(left), "34 0");
}
