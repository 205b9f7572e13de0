//! Accounts and sessions.

use daybook_domain::{Email, SessionId, Timestamp, User, Username};
use daybook_persistence::{Database, Error, Field, Login};

use crate::{new_user, on_both_databases};

fn login(user: &User, verified_hash: &str, now: Timestamp) -> Login {
    Login {
        user: user.id,
        verified_hash: verified_hash.to_owned(),
        new_hash: None,
        expires_at: now.plus_seconds(60),
    }
}

async fn is_live(database: &Database, user: &User, session: SessionId, now: Timestamp) -> bool {
    database.is_live(user.id, session, now).await.unwrap()
}

on_both_databases! {
    async fn the_unique_indexes_decide(fixture: Fixture) {
        let database = &fixture.database;
        fixture.user("ada").await;
        let mut same_email = new_user("bob");
        same_email.email = Email::parse("ADA@Example.com").unwrap();
        let refused = database.register(same_email, Timestamp::now()).await;
        assert!(matches!(refused, Err(Error::Conflict(Field::Email))), "{refused:?}");
        let mut same_name = new_user("bob");
        same_name.username = Username::parse("ADA").unwrap();
        let refused = database.register(same_name, Timestamp::now()).await;
        assert!(matches!(refused, Err(Error::Conflict(Field::Username))), "{refused:?}");
        let bob = fixture.user("bob").await;
        let taken = Some(Email::parse("ada@example.com").unwrap());
        let refused = database.update_user(bob.id, taken, None, Timestamp::now()).await;
        assert!(matches!(refused, Err(Error::Conflict(Field::Email))), "{refused:?}");
    }

    async fn credentials_are_found_by_address_and_by_name(fixture: Fixture) {
        let ada = fixture.user("ada").await;
        for identifier in ["ada", "ADA", "ada@example.com", "Ada@EXAMPLE.com"] {
            let found = fixture.database.credentials(identifier).await.unwrap().unwrap();
            assert_eq!((found.user, found.password_hash.as_str()), (ada.id, "ada"));
        }
        assert!(fixture.database.credentials("nobody").await.unwrap().is_none());
    }

    async fn an_address_wins_over_an_equal_username(fixture: Fixture) {
        let ada = fixture.user("ada").await;
        let mut thief = new_user("thief");
        thief.username = Username::parse("ada@example.com").unwrap();
        fixture.database.register(thief, Timestamp::now()).await.unwrap();
        assert_eq!(fixture.database.credentials("ada@example.com").await.unwrap().unwrap().user, ada.id);
    }

    async fn a_session_lives_until_it_expires(fixture: Fixture) {
        let (database, now) = (&fixture.database, Timestamp::now());
        let ada = fixture.user("ada").await;
        let session = database.open_session(login(&ada, "ada", now), now).await.unwrap();
        assert!(is_live(database, &ada, session, now).await);
        assert!(is_live(database, &ada, session, now.plus_seconds(59)).await);
        assert!(!is_live(database, &ada, session, now.plus_seconds(60)).await);
        let bob = fixture.user("bob").await;
        assert!(!is_live(database, &bob, session, now).await, "a session has one user");
    }

    async fn a_login_does_not_outlive_a_change_of_the_password(fixture: Fixture) {
        let (database, now) = (&fixture.database, Timestamp::now());
        let ada = fixture.user("ada").await;
        let kept = database.open_session(login(&ada, "ada", now), now).await.unwrap();
        let ended = database.open_session(login(&ada, "ada", now), now).await.unwrap();
        database.change_password(ada.id, "ada".into(), "new".into(), Some(kept), now).await.unwrap();
        assert!(is_live(database, &ada, kept, now).await);
        assert!(!is_live(database, &ada, ended, now).await);
        let late = database.open_session(login(&ada, "ada", now), now).await;
        assert!(matches!(late, Err(Error::NotFound)), "{late:?}");
        let again = database.change_password(ada.id, "ada".into(), "x".into(), None, now).await;
        assert!(matches!(again, Err(Error::NotFound)), "{again:?}");
        assert!(database.is_unchanged_since(ada.id, now).await.unwrap());
        assert!(!database.is_unchanged_since(ada.id, now.plus_seconds(-1)).await.unwrap());
    }

    async fn a_login_can_renew_the_hash(fixture: Fixture) {
        let now = Timestamp::now();
        let ada = fixture.user("ada").await;
        let renewing = Login { new_hash: Some("renewed".into()), ..login(&ada, "ada", now) };
        fixture.database.open_session(renewing, now).await.unwrap();
        assert_eq!(fixture.database.password_hash(ada.id).await.unwrap(), "renewed");
    }

    async fn an_id_is_never_used_twice(fixture: Fixture) {
        let ada = fixture.user("ada").await;
        let wrong = fixture.database.delete_user(ada.id, "wrong".into()).await;
        assert!(matches!(wrong, Err(Error::NotFound)));
        fixture.database.delete_user(ada.id, "ada".into()).await.unwrap();
        let bob = fixture.user("bob").await;
        assert!(bob.id > ada.id);
        assert!(matches!(fixture.database.user(ada.id).await, Err(Error::NotFound)));
    }
}
