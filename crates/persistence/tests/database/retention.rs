//! Outdated rows of all accounts are deleted in batches.

use daybook_domain::{Day, EventKind, Timestamp, UserId};
use daybook_persistence::{Batch, Cleanup};
use daybook_test_servers::Postgres as Server;
use rstest::rstest;

use crate::client::{is_live, open, refresh};
use crate::fixture::Fixture;
use crate::fixture::Kind::{self, Postgres, Sqlite};
use crate::rows::{ago, clean_up, count, digest, numbers};

const DAY: i64 = 24 * 60 * 60;

#[rstest]
#[tokio::test]
async fn clean_up_deletes_the_old_events_of_all_accounts(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (ada, bob) = (fixture.user("ada").await, fixture.user("bob").await);
    // Two events of registrations come first. They are new, and do not stop the walk.
    for (age, events) in [(91 * DAY, 2_500), (89 * DAY, 300)] {
        fixture.execute(&format!(
            "INSERT INTO events (user_id, kind, created_at) SELECT {} + n % 2, 'login_failed', {} FROM {}",
            ada.id,
            ago(kind, age),
            numbers(kind, events)
        ));
    }
    assert_eq!(bob.id.0, ada.id.0 + 1);
    let now = Timestamp::now();
    assert_eq!(clean_up(&fixture.database, Cleanup::Events, now).await, [998, 1_000, 502]);
    assert_eq!(count(&fixture, "events"), 302);
    assert_eq!(clean_up(&fixture.database, Cleanup::Events, now).await, [0]);
}

#[rstest]
#[tokio::test]
async fn clean_up_keeps_the_last_50_logins_of_each_account(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (ada, bob) = (fixture.user("ada").await, fixture.user("bob").await);
    for (user, logins) in [(&ada, 60), (&bob, 7)] {
        fixture.execute(&format!(
            "INSERT INTO events (user_id, kind, created_at) SELECT {}, 'login', {} FROM {}",
            user.id,
            ago(kind, 91 * DAY),
            numbers(kind, logins)
        ));
    }
    let now = Timestamp::now();
    assert_eq!(clean_up(&fixture.database, Cleanup::Events, now).await, [10]);
    // The registrations are new.
    assert_eq!(count(&fixture, "events"), 1 + 50 + 1 + 7);
    assert_eq!(clean_up(&fixture.database, Cleanup::Events, now).await, [0]);
    // Then Ada's registration is old too. It is not among her newest 50, but Bob's is.
    let later = now.plus_seconds(91 * DAY);
    assert_eq!(clean_up(&fixture.database, Cleanup::Events, later).await, [1]);
}

/// Inserts events of this kind.
fn insert_events(fixture: &Fixture, kind: Kind, user: UserId, event: &str, count: usize) {
    let (now, numbers) = (ago(kind, 0), numbers(kind, count));
    fixture.execute(&format!(
        "INSERT INTO events (user_id, kind, created_at) SELECT {user}, '{event}', {now} FROM {numbers}"
    ));
}

#[rstest]
#[tokio::test]
async fn clean_up_bounds_the_events_of_an_account(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    for number in 0..25 {
        fixture.user(&format!("other{number}")).await;
    }
    let (ada, bob) = (fixture.user("ada").await, fixture.user("bob").await);
    // Each has a registration, and Bob has exactly the newest events that are kept.
    insert_events(&fixture, kind, bob.id, "refresh", 9_999);
    for (event, events) in [
        ("refresh", 2_000),
        ("login", 1_500),
        ("password_changed", 900),
        ("refresh", 3_300),
        ("logout", 10_000),
    ] {
        insert_events(&fixture, kind, ada.id, event, events);
    }
    let clean_up = async || clean_up(&fixture.database, Cleanup::SurplusEvents, Timestamp::now()).await;
    let counts = || {
        fixture.lines(&format!(
            "SELECT kind || ' ' || count(*) FROM events WHERE user_id = {} GROUP BY kind ORDER BY kind",
            ada.id
        ))
    };
    assert_eq!(clean_up().await, [0, 1_000, 1_000, 1_000, 1_000, 800, 0]);
    let kept = "login 1000\nlogout 10000\npassword_changed 900\nrefresh 1000\nregister 1";
    assert_eq!(counts(), kept);
    assert_eq!(count(&fixture, &format!("events WHERE user_id = {}", bob.id)), 10_000);
    let refreshes = format!("FROM events WHERE user_id = {} AND kind = 'refresh'", ada.id);
    let distance = fixture.lines(&format!("SELECT CAST(max(id) - min(id) AS TEXT) {refreshes}"));
    assert_eq!(distance, "999", "the newest of each kind are kept");
    insert_events(&fixture, kind, ada.id, "login", 1);
    assert_eq!(clean_up().await.iter().sum::<usize>(), 0);
    assert_eq!(counts(), kept.replace("login 1000", "login 1001"));
}

#[rstest]
#[tokio::test]
async fn clean_up_of_surplus_events_continues_behind_an_account_that_fails(
    #[values(Sqlite, Postgres)] kind: Kind,
) {
    let fixture = Fixture::new(kind).await;
    let (ada, bob) = (fixture.user("ada").await, fixture.user("bob").await);
    let after = async |position| {
        fixture.database.position_after_failure(Cleanup::SurplusEvents, position).await.unwrap()
    };
    assert_eq!(after(0).await, Some(ada.id.0));
    assert_eq!(after(ada.id.0).await, Some(bob.id.0));
    assert_eq!(after(bob.id.0).await, None);
}

#[rstest]
#[tokio::test]
async fn clean_up_bounds_alternating_floods_of_all_kinds(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let ada = fixture.user("ada").await;
    for _ in 0..2 {
        for event in EventKind::ALL {
            insert_events(&fixture, kind, ada.id, event.name(), 2_000);
        }
    }
    let deleted = clean_up(&fixture.database, Cleanup::SurplusEvents, Timestamp::now()).await;
    assert_eq!(deleted.iter().sum::<usize>(), 1 + 48_000 - 22_000);
    assert!(deleted[..26].iter().all(|rows| *rows == 1_000), "{deleted:?}");
}

#[rstest]
#[tokio::test]
async fn clean_up_deletes_sessions_that_expired_long_ago(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada) = (&fixture.database, fixture.user("ada").await);
    let now = Timestamp::now();
    let live = open(database, &ada, 1, now).await;
    let times = ago(kind, 10 * DAY);
    for (expired, sessions) in [(90 * DAY + 1, 1_500), (90 * DAY - 60, 6), (-60, 1)] {
        fixture.execute(&format!(
            "INSERT INTO sessions (user_id, created_at, last_used_at, expires_at) \
             SELECT {}, {times}, {times}, {} FROM {}",
            ada.id,
            ago(kind, expired),
            numbers(kind, sessions)
        ));
    }
    assert_eq!(clean_up(database, Cleanup::Sessions, now).await, [999, 501]);
    assert_eq!(count(&fixture, "sessions"), 8);
    assert!(is_live(database, &ada, live, now).await);
    // The live session expires after 100 s, like the session of this policy.
    clean_up(database, Cleanup::Sessions, now.plus_seconds(90 * DAY + 100)).await;
    assert_eq!(count(&fixture, "sessions"), 0);
}

#[rstest]
#[tokio::test]
async fn clean_up_deletes_outdated_rotations_in_batches(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada) = (&fixture.database, fixture.user("ada").await);
    let now = Timestamp::now();
    let session = open(database, &ada, 1, now).await;
    refresh(database, 1, 0, 1, now).await;
    fixture.execute(&format!(
        "INSERT INTO rotations (refresh_token, session_id, salt, rotated_at) SELECT {digest}, {session}, \
         {digest}, {} FROM {}",
        ago(kind, 60),
        numbers(kind, 2_500),
        digest = digest(kind, ada.id)
    ));
    assert_eq!(clean_up(database, Cleanup::Sessions, now).await, [1_000, 1_000, 500]);
    assert_eq!(count(&fixture, "rotations"), 1, "the rotation within the grace period is kept");
    assert!(is_live(database, &ada, session, now).await);
}

#[rstest]
#[tokio::test]
async fn clean_up_deletes_usage_after_13_months(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (ada, now) = (fixture.user("ada").await, Timestamp::now());
    fixture.user("bob").await;
    let today = Day::of(now).number();
    for user in [ada.id.0, ada.id.0 + 1] {
        let numbers = numbers(kind, 1_500);
        fixture.execute(&format!(
            "INSERT INTO usage (user_id, day, calls) SELECT {user}, {today} + 1 - n, 1 FROM {numbers}"
        ));
    }
    let numbers = numbers(kind, 1_500);
    fixture.execute(&format!("INSERT INTO usage_of_all (day) SELECT {today} + 1 - n FROM {numbers}"));
    // Each batch passes whole users. The first one also deletes the days of all users together.
    assert_eq!(clean_up(&fixture.database, Cleanup::Usage, now).await, [2 * 1_099, 1_099, 0]);
    assert_eq!((count(&fixture, "usage"), count(&fixture, "usage_of_all")), (2 * 401, 401));
    assert_eq!(fixture.lines("SELECT CAST(min(day) AS TEXT) FROM usage"), (today - 400).to_string());
}

#[tokio::test]
async fn clean_up_leaves_a_cleanup_to_the_instance_that_runs_it() {
    let fixture = Fixture::new(Postgres).await;
    let mut other = Server::shared().session(fixture.server_name());
    other.run("BEGIN");
    // The key of `Cleanup::Events`.
    other.run(&format!("SELECT pg_advisory_xact_lock({})", 0x6461_7962_6f6f_6b02_i64));
    let run = async |cleanup| fixture.database.clean_up(cleanup, 0, Timestamp::now()).await.unwrap();
    assert_eq!(run(Cleanup::Events).await, None);
    let nothing = Some(Batch { deleted: 0, next: None });
    assert_eq!(run(Cleanup::Sessions).await, nothing);
    other.run("COMMIT");
    assert_eq!(run(Cleanup::Events).await, nothing);
}
