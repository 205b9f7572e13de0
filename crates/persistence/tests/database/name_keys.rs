//! Tests that `migrate` computes the keys of stored names once.

use daybook_domain::{LoginName, UserId};
use daybook_persistence::{Collision, Error, Field};
use rstest::rstest;

use crate::fixture::Fixture;
use crate::fixture::Kind::{self, Postgres, Sqlite};

/// An account of the previous version: the address, its key, the username and its key.
type Old<'a> = [&'a str; 4];

const KEYS: &str = "SELECT email_key || ' ' || username_key FROM users ORDER BY id";

/// Returns the migration if it is applied.
const APPLIED: &str = "SELECT version FROM __diesel_schema_migrations WHERE version = '20261129000000'";

/// Removes the migration from the list of applied migrations.
const UNDO: &str = "DELETE FROM __diesel_schema_migrations WHERE version = '20261129000000';";

/// Returns a statement that inserts the accounts. Their ids start at 1.
fn insert(kind: Kind, accounts: &[Old<'_>]) -> String {
    let now = match kind {
        Postgres => "now()",
        Sqlite => "1000000",
    };
    let row = |[email, email_key, username, username_key]: &Old<'_>| {
        format!("('{email}', '{email_key}', '{username}', '{username_key}', '', {now}, {now}, {now})")
    };
    let rows: Vec<String> = accounts.iter().map(row).collect();
    format!(
        "INSERT INTO users (email, email_key, username, username_key, password_hash, \
         password_changed_at, created_at, updated_at) VALUES {};",
        rows.join(", ")
    )
}

/// Returns a database of the previous version with these accounts.
async fn previous(kind: Kind, accounts: &[Old<'_>]) -> Fixture {
    let fixture = Fixture::new(kind).await;
    fixture.execute(UNDO);
    // An argument of `psql` has a limit of 128 KiB.
    for some in accounts.chunks(500) {
        fixture.execute(&insert(kind, some));
    }
    fixture
}

#[rstest]
#[tokio::test]
async fn migrate_computes_the_keys_of_stored_names(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = previous(
        kind,
        &[
            ["ada@example.com", "ada@example.com", "Ada", "ada"],
            ["Kılıç@bücher.example", "kiliç@bücher.example", "Kılıç", "kiliç"],
            ["b@straße.de", "b@strasse.de", "STRAẞE", "straße"],
        ],
    )
    .await;
    assert_eq!(fixture.database.migrate().await.unwrap(), 1);
    let keys = "ada@example.com ada\nkılıç@xn--bcher-kva.example kılıç\nb@xn--strae-oqa.de strasse";
    assert_eq!(fixture.lines(KEYS), keys);
    for (identifier, user) in [("KıLıÇ", 2), ("kılıç@BÜCHER.example", 2), ("strasse", 3), ("ADA", 1)] {
        let found = fixture.database.credentials(&LoginName::new(identifier)).await.unwrap().unwrap();
        assert_eq!(found.user, UserId(user), "{identifier}");
    }
    assert!(fixture.database.credentials(&LoginName::new("kiliç")).await.unwrap().is_none());
    assert_eq!(fixture.database.user(UserId(3)).await.unwrap().username.as_str(), "STRAẞE");
}

#[rstest]
#[tokio::test]
async fn migrate_keeps_the_keys_of_closed_accounts(#[values(Sqlite, Postgres)] kind: Kind) {
    let closed = ["CLOSED 1"; 4];
    let fixture = previous(kind, &[closed, ["closed 1", "old", "Closed 1", "old"]]).await;
    fixture.execute("UPDATE users SET closed_at = created_at WHERE id = 1");
    assert_eq!(fixture.database.migrate().await.unwrap(), 1);
    assert_eq!(fixture.lines(KEYS), "CLOSED 1 CLOSED 1\nclosed 1 closed 1");
}

#[rstest]
#[tokio::test]
async fn migrate_computes_the_keys_only_once(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = previous(kind, &[["a@example.com", "old", "Ada", "old"]]).await;
    assert_eq!(fixture.database.migrate().await.unwrap(), 1);
    assert_eq!(fixture.lines(KEYS), "a@example.com ada");
    fixture.execute("UPDATE users SET username_key = 'changed'");
    assert_eq!(fixture.database.migrate().await.unwrap(), 0);
    assert_eq!(fixture.lines(KEYS), "a@example.com changed");
}

/// The new key of each account is the old key of the next one. The keys of the addresses form a
/// circle.
#[rstest]
#[tokio::test]
async fn migrate_stores_a_key_that_another_account_had(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = previous(
        kind,
        &[
            ["a@example.com", "c@example.com", "EẞIÇ", "eßiç"],
            ["b@example.com", "a@example.com", "essıç", "essiç"],
            ["c@example.com", "b@example.com", "third", "essıç"],
        ],
    )
    .await;
    assert_eq!(fixture.database.migrate().await.unwrap(), 1);
    let keys = "a@example.com essiç\nb@example.com essıç\nc@example.com third";
    assert_eq!(fixture.lines(KEYS), keys);
}

#[rstest]
#[tokio::test]
async fn migrate_reads_all_batches(#[values(Sqlite, Postgres)] kind: Kind) {
    let names: Vec<[String; 4]> = (1..=2_001)
        .map(|i| [format!("{i}@a.de"), format!("old {i}"), format!("Straße{i}"), format!("old {i}")])
        .collect();
    let accounts: Vec<Old<'_>> = names.iter().map(|name| name.each_ref().map(String::as_str)).collect();
    let fixture = previous(kind, &accounts).await;
    assert_eq!(fixture.database.migrate().await.unwrap(), 1);
    let keys: Vec<String> = (1..=2_001).map(|i| format!("{i}@a.de strasse{i}")).collect();
    assert_eq!(fixture.lines(KEYS), keys.join("\n"));
}

#[rstest]
#[tokio::test]
async fn migrate_reports_all_accounts_with_equal_names_and_changes_nothing(
    #[values(Sqlite, Postgres)] kind: Kind,
) {
    let fixture = previous(
        kind,
        &[
            ["kılıç@example.com", "kiliç@example.com", "kılıç", "kiliç"],
            ["STRASSE@example.com", "strasse@example.com", "strasse", "strasse"],
            ["STRAẞE@example.com", "straße@example.com", "STRAẞE", "straße"],
            ["fuẞ@example.com", "fuß@example.com", "FUẞ", "fuß"],
            ["fuss@example.com", "fuss@example.com", "fuss2", "fuss2"],
        ],
    )
    .await;
    let before = fixture.lines(KEYS);
    // A second start reports the same.
    for _ in 0..2 {
        let error = fixture.database.migrate().await.unwrap_err();
        let Error::Collisions(collisions) = &error else { panic!("{error:?}") };
        let (one, other) = (UserId(2), UserId(3));
        assert_eq!(
            collisions.listed(),
            [
                Collision { field: Field::Email, one, other },
                Collision { field: Field::Username, one, other },
                Collision { field: Field::Email, one: UserId(4), other: UserId(5) },
            ]
        );
        let text = error.to_string();
        assert!(text.contains(": 2 and 3 (e-mail), 2 and 3 (username), 4 and 5 (e-mail). Nothing"), "{text}");
        assert!(!text.contains("stra") && !text.contains("STRA"), "{text}");
        assert_eq!(fixture.lines(KEYS), before);
        assert_eq!(fixture.lines(APPLIED), "", "the migration is still pending");
    }
    // The previous version changes the names.
    fixture.execute("UPDATE users SET username = 'third', username_key = 'third' WHERE id = 3");
    fixture.execute("UPDATE users SET email = 'c@example.com', email_key = 'c@example.com' WHERE id = 3");
    fixture.execute("UPDATE users SET email = 'd@example.com', email_key = 'd@example.com' WHERE id = 4");
    assert_eq!(fixture.database.migrate().await.unwrap(), 1);
    assert!(fixture.lines(KEYS).starts_with("kılıç@example.com kılıç\n"));
}
