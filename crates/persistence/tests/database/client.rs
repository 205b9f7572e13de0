//! Logins, refreshes and lookups that several tests of sessions use.

use daybook_domain::{
    Actor, EndReason, EventKind, Limit, Origin, PageRequest, Proof, SessionId, SessionPolicy, Timestamp,
    User, UserId,
};
use daybook_persistence::{Credentials, Database, FamilyDigest, Login, Refresh, Refreshed, TokenDigest};

pub(crate) const POLICY: SessionPolicy =
    SessionPolicy { idle_seconds: 100, lifetime_seconds: 250, per_user: 3 };

/// Returns the digest of token `number` of family `family`. The tests use the number as the salt,
/// too.
pub(crate) fn digest(family: u8, number: u8) -> TokenDigest {
    let mut digest = [number; 32];
    digest[0] = family;
    TokenDigest(digest)
}

pub(crate) fn origin() -> Origin {
    Origin { ip: Some("192.0.2.7".parse().unwrap()), user_agent: Some("tests/1".into()) }
}

/// Returns a user without a session, whose access is not checked.
pub(crate) fn actor(user: UserId, now: Timestamp) -> Actor {
    Actor { user, proof: Proof::Unchecked, origin: origin(), now }
}

pub(crate) fn login(user: &User, family: u8) -> Login {
    let token = digest(family, 0);
    Login { origin: origin(), ..Login::new(credentials(user), FamilyDigest([family; 32]), token, POLICY) }
}

/// Returns the credentials of a new account.
pub(crate) fn credentials(user: &User) -> Credentials {
    Credentials {
        user: user.id,
        password_hash: user.username.as_str().to_owned(),
        password_changed_at: user.created_at,
    }
}

pub(crate) async fn open(database: &Database, user: &User, family: u8, now: Timestamp) -> SessionId {
    database.open_session(login(user, family), now).await.unwrap().session
}

pub(crate) fn refresh_of(family: u8, from: u8, to: u8) -> Refresh {
    let (old, new) = (digest(family, from), digest(family, to));
    Refresh { origin: origin(), ..Refresh::new(FamilyDigest([family; 32]), old, new, [to; 16], POLICY) }
}

pub(crate) async fn refresh(database: &Database, family: u8, from: u8, to: u8, now: Timestamp) -> Refreshed {
    database.refresh_session(refresh_of(family, from, to), now).await.unwrap()
}

pub(crate) async fn is_live(database: &Database, user: &User, session: SessionId, now: Timestamp) -> bool {
    database.live_session(user.id, session, now).await.unwrap().is_some()
}

/// Returns the ids of the user's live sessions, newest first.
pub(crate) async fn ids(database: &Database, user: &User, now: Timestamp) -> Vec<SessionId> {
    database.sessions(user.id, now).await.unwrap().into_iter().map(|session| session.id).collect()
}

/// Returns the events of an account after its registration, oldest first.
pub(crate) async fn events(
    database: &Database,
    user: &User,
) -> Vec<(EventKind, Option<EndReason>, Option<SessionId>)> {
    let page = PageRequest { limit: Limit::new(100).unwrap(), cursor: None };
    let events = database.events(user.id, page, Timestamp::now()).await.unwrap().items;
    events.into_iter().rev().skip(1).map(|event| (event.event, event.reason, event.session_id)).collect()
}
