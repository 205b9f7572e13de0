//! Accounts.

use daybook_domain::{Email, Origin, Timestamp, Username};
use daybook_persistence::{Credentials, Error, Field};
use rstest::rstest;

use crate::fixture::Kind::{self, Postgres, Sqlite};
use crate::fixture::{Fixture, new_user};

#[rstest]
#[tokio::test]
async fn register_and_update_user_reject_taken_values(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    fixture.user("ada").await;
    let mut same_email = new_user("bob");
    same_email.email = Email::parse("ADA@Example.com").unwrap();
    let refused = database.register(same_email, Origin::default(), Timestamp::now()).await;
    assert!(matches!(refused, Err(Error::Conflict(Field::Email))), "{refused:?}");
    let mut same_name = new_user("bob");
    same_name.username = Username::parse("ADA").unwrap();
    let refused = database.register(same_name, Origin::default(), Timestamp::now()).await;
    assert!(matches!(refused, Err(Error::Conflict(Field::Username))), "{refused:?}");
    let bob = fixture.user("bob").await;
    let taken = Some(Email::parse("ada@example.com").unwrap());
    let refused = database.update_user(bob.id, None, taken, None, Origin::default(), Timestamp::now()).await;
    assert!(matches!(refused, Err(Error::Conflict(Field::Email))), "{refused:?}");
}

#[rstest]
#[tokio::test]
async fn credentials_finds_accounts_by_address_and_by_name(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let ada = fixture.user("ada").await;
    for identifier in ["ada", "ADA", "ada@example.com", "Ada@EXAMPLE.com"] {
        let found = fixture.database.credentials(identifier).await.unwrap().unwrap();
        assert_eq!((found.user, found.password_hash.as_str()), (ada.id, "ada"));
    }
    assert!(fixture.database.credentials("nobody").await.unwrap().is_none());
}

#[rstest]
#[tokio::test]
async fn credentials_prefers_an_address_to_an_equal_username(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let ada = fixture.user("ada").await;
    let mut thief = new_user("thief");
    thief.username = Username::parse("ada@example.com").unwrap();
    fixture.database.register(thief, Origin::default(), Timestamp::now()).await.unwrap();
    assert_eq!(fixture.database.credentials("ada@example.com").await.unwrap().unwrap().user, ada.id);
}

#[rstest]
#[tokio::test]
async fn delete_user_never_frees_an_id(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let ada = fixture.user("ada").await;
    let found = fixture.database.credentials_of(ada.id).await.unwrap();
    let before =
        Credentials { password_changed_at: found.password_changed_at.plus_micros(-1), ..found.clone() };
    let wrong = fixture.database.delete_user(before, Timestamp::now()).await;
    assert!(matches!(wrong, Err(Error::NotFound)));
    fixture.database.delete_user(found, Timestamp::now()).await.unwrap();
    let bob = fixture.user("bob").await;
    assert!(bob.id > ada.id);
    assert!(matches!(fixture.database.user(ada.id).await, Err(Error::NotFound)));
}
