//! Accounts: unique names, credentials and deletion.

use daybook_domain::{Email, LoginName, Origin, Timestamp, Username};
use daybook_persistence::{Credentials, Error, Field, NewUser};
use rstest::rstest;

use crate::client::{actor, credentials};
use crate::fixture::Kind::{self, Postgres, Sqlite};
use crate::fixture::{Fixture, new_user};

#[rstest]
#[tokio::test]
async fn register_and_update_user_reject_taken_values(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    fixture.user("ada").await;
    let email = Email::parse("ADA@Example.com").unwrap();
    let same_email = NewUser { email, ..new_user("bob") };
    let rejected = database.register(same_email, Origin::default(), Timestamp::now()).await;
    assert!(matches!(rejected, Err(Error::Conflict(Field::Email))), "{rejected:?}");
    let username = Username::parse("ADA").unwrap();
    let same_name = NewUser { username, ..new_user("bob") };
    let rejected = database.register(same_name, Origin::default(), Timestamp::now()).await;
    assert!(matches!(rejected, Err(Error::Conflict(Field::Username))), "{rejected:?}");
    let bob = fixture.user("bob").await;
    let taken = Some(Email::parse("ada@example.com").unwrap());
    let rejected =
        database.update_user(&actor(bob.id, Timestamp::now()), taken, None, Some(credentials(&bob))).await;
    assert!(matches!(rejected, Err(Error::Conflict(Field::Email))), "{rejected:?}");
}

#[rstest]
#[tokio::test]
async fn credentials_finds_accounts_by_address_and_by_name(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let ada = fixture.user("ada").await;
    for identifier in ["ada", "ADA", "ada@example.com", "Ada@EXAMPLE.com"] {
        let found = fixture.database.credentials(&LoginName::new(identifier)).await.unwrap().unwrap();
        assert_eq!((found.user, found.password_hash.as_str()), (ada.id, "ada"));
    }
    assert!(fixture.database.credentials(&LoginName::new("nobody")).await.unwrap().is_none());
}

#[rstest]
#[tokio::test]
async fn register_keeps_names_apart_that_only_turkish_rules_would_equate(
    #[values(Sqlite, Postgres)] kind: Kind,
) {
    let fixture = Fixture::new(kind).await;
    let (dotless, dotted) = (fixture.user("kılıç").await, fixture.user("kiliç").await);
    for (identifier, user) in [
        ("kılıç", &dotless),
        ("Kılıç", &dotless),
        ("kılıc\u{327}@example.com", &dotless),
        ("kiliç", &dotted),
        ("KILIÇ", &dotted),
        ("KILIÇ@EXAMPLE.com", &dotted),
    ] {
        let found = fixture.database.credentials(&LoginName::new(identifier)).await.unwrap().unwrap();
        assert_eq!(found.user, user.id, "{identifier}");
    }
}

#[rstest]
#[tokio::test]
async fn register_rejects_another_spelling_of_a_name(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let new = |email: &str, username: &str| {
        NewUser::new(Email::parse(email).unwrap(), Username::parse(username).unwrap(), "hash".to_owned())
    };
    let register = |new: NewUser| fixture.database.register(new, Origin::default(), Timestamp::now());
    let first = register(new("Straße@bücher.example", "Straße")).await.unwrap();
    for username in ["STRASSE", "strasse", "STRA\u{1e9e}E"] {
        let rejected = register(new("other@example.com", username)).await;
        assert!(matches!(rejected, Err(Error::Conflict(Field::Username))), "{username} {rejected:?}");
    }
    for email in ["STRASSE@BÜCHER.example", "straße@xn--bcher-kva.EXAMPLE", "strasse@bu\u{308}cher.example"]
    {
        let rejected = register(new(email, "other")).await;
        assert!(matches!(rejected, Err(Error::Conflict(Field::Email))), "{email} {rejected:?}");
    }
    for identifier in ["STRASSE", "Strasse@xn--bcher-kva.example", "Ada <straße@BÜCHER.example>"] {
        let found = fixture.database.credentials(&LoginName::new(identifier)).await.unwrap().unwrap();
        assert_eq!(found.user, first.id, "{identifier}");
    }
    let stored = fixture.database.user(first.id).await.unwrap();
    assert_eq!((stored.username.as_str(), stored.email.as_str()), ("Straße", "Straße@bücher.example"));
}

#[rstest]
#[tokio::test]
async fn credentials_prefers_an_address_to_an_equal_username(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let ada = fixture.user("ada").await;
    let username = Username::parse("ada@example.com").unwrap();
    let thief = NewUser { username, ..new_user("thief") };
    fixture.database.register(thief, Origin::default(), Timestamp::now()).await.unwrap();
    assert_eq!(
        fixture.database.credentials(&LoginName::new("ada@example.com")).await.unwrap().unwrap().user,
        ada.id
    );
}

#[rstest]
#[tokio::test]
async fn id_of_a_deleted_user_is_never_reused(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let ada = fixture.user("ada").await;
    let found = fixture.database.credentials_of(ada.id).await.unwrap();
    let before =
        Credentials { password_changed_at: found.password_changed_at.plus_micros(-1), ..found.clone() };
    let deleter = actor(ada.id, Timestamp::now());
    let wrong = fixture.database.delete_user(&deleter, before).await;
    assert!(matches!(wrong, Err(Error::NotFound)));
    let _ = fixture.database.delete_user(&deleter, found).await.unwrap();
    let bob = fixture.user("bob").await;
    assert!(bob.id > ada.id);
    assert!(matches!(fixture.database.user(ada.id).await, Err(Error::NotFound)));
}

#[rstest]
#[tokio::test]
async fn update_user_needs_the_password_for_another_name(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let ada = fixture.user("ada").await;
    let actor = actor(ada.id, Timestamp::now());
    let rename =
        |name: &str| fixture.database.update_user(&actor, None, Some(Username::parse(name).unwrap()), None);
    assert_eq!(rename("ADA").await.unwrap().username.as_str(), "ADA");
    assert!(matches!(rename("countess").await, Err(Error::NotFound)));
    let email = Some(Email::parse("countess@example.com").unwrap());
    assert!(matches!(fixture.database.update_user(&actor, email, None, None).await, Err(Error::NotFound)));
    let stored = fixture.database.user(ada.id).await.unwrap();
    assert_eq!((stored.username.as_str(), stored.email.as_str()), ("ADA", "ada@example.com"));
}
