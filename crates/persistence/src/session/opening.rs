//! Logins. Each login opens a session.

use daybook_domain::{
    Actor, EndReason, EventKind, Origin, Proof, SessionId, SessionPolicy, Timestamp, UserId,
};
use diesel::prelude::*;

use super::digest::{FamilyDigest, TokenDigest};
use super::ending::{EndedSessions, Ending, end_sessions};
use crate::credentials::{Credentials, account_if_unchanged};
use crate::database::Database;
use crate::error::Error;
use crate::event::{self, Entry};
use crate::handle::WriteHandle;
use crate::live::live_of;
use crate::prepared::Prepared;
use crate::schema::{sessions, users};
use crate::time::At;
use crate::unit::transaction;

/// The maximum number of expired sessions, and of surplus ones, that one login deletes. It is more
/// than a login adds, and small enough not to delay the login.
const DELETED_MAX: i64 = 100;

/// The maximum number of ended sessions that an account keeps, so that a client which logs in all
/// day cannot fill the disk. They take less than 1 MB. A refresh token of an older one does not get
/// the reason why its session ended, and does not make its client known.
const ENDED_MAX: i64 = 1_000;

/// A login after its password was verified.
#[derive(Clone)]
pub struct Login {
    /// The credentials that the password was verified against.
    pub verified: Credentials,
    /// A new hash of the same password, if the old hash is outdated.
    pub new_hash: Option<String>,
    /// The family of the session's refresh tokens.
    pub family: FamilyDigest,
    /// The session's first refresh token.
    pub refresh_token: TokenDigest,
    /// The address and the user agent of the login.
    pub origin: Origin,
    /// The lifetime of the session, and the maximum number of sessions of the user.
    pub policy: SessionPolicy,
}

impl Login {
    /// Returns a login from an unknown origin. It keeps the stored hash.
    #[must_use]
    pub fn new(
        verified: Credentials,
        family: FamilyDigest,
        refresh_token: TokenDigest,
        policy: SessionPolicy,
    ) -> Self {
        Self { verified, new_hash: None, family, refresh_token, origin: Origin::default(), policy }
    }
}

/// A session that was just opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The session.
    pub session: SessionId,
    /// The sessions that ended because the user had too many.
    pub ended: EndedSessions,
}

/// Returns the number of live sessions that a login keeps. A limit of 0 counts as 1, for the
/// session that the login opens.
fn kept_by_login(policy: SessionPolicy) -> i64 {
    i64::from(policy.per_user.max(1)) - 1
}

impl Database {
    /// Opens a session. Ends the sessions above the policy's limit. Deletes the user's expired
    /// sessions, those that ended more than a day ago, and ended ones beyond the newest 1,000.
    ///
    /// Sessions that have not been used since their login end first. After them, the sessions with
    /// the oldest last use end. So a script that logs in for each of its calls ends only its own
    /// sessions.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the account does not exist, or if its password is no longer the
    /// verified one. A session must not survive a change of the password during its login. A new
    /// hash of the same password is not such a change.
    pub async fn open_session(&self, login: Login, now: Timestamp) -> Result<Opened, Error> {
        transaction!(self, |c| open(c, login, now).await)
    }
}

async fn open(c: &mut impl WriteHandle, login: Login, now: Timestamp) -> Result<Opened, Error> {
    let Login { verified, new_hash, family, refresh_token, origin, policy } = login;
    let user = verified.user;
    // This update locks the user's row, so a change of the password comes before or after the whole
    // login. Lock order: user, sessions, as in `end_all_sessions`, so the two cannot deadlock.
    let account = diesel::update(account_if_unchanged(&verified)).set(users::last_login_at.eq(At(now)));
    Error::not_found_if_none(c.execute(Prepared(account)).await?)?;
    if let Some(new_hash) = new_hash {
        let old = users::table.find(user.0).filter(users::password_hash.eq(verified.password_hash));
        c.execute(Prepared(diesel::update(old).set(users::password_hash.eq(new_hash)))).await?;
    }
    delete_outdated(c, user, now).await?;
    let actor = Actor { user, proof: Proof::Unchecked, origin, now };
    let ended = end_excess(c, &actor, policy).await?;
    let row = (
        sessions::user_id.eq(user.0),
        sessions::created_at.eq(At(now)),
        sessions::last_used_at.eq(At(now)),
        sessions::expires_at.eq(At(policy.expiry(now, now))),
        sessions::family.eq(family.0.to_vec()),
        sessions::refresh_token.eq(refresh_token.0.to_vec()),
        sessions::ip.eq(actor.origin.ip.map(|ip| ip.to_string())),
        sessions::user_agent.eq(actor.origin.user_agent.clone()),
    );
    let insert = diesel::insert_into(sessions::table).values(row).returning(sessions::id);
    let session = SessionId(c.one(insert).await?);
    event::record(c, Entry::new(&actor, EventKind::Login).in_session(session)).await?;
    event::delete_outdated(c, user, now).await?;
    Ok(Opened { session, ended })
}

/// Deletes at most [`DELETED_MAX`] of the user's expired sessions, and as many of the ended ones
/// above [`ENDED_MAX`].
async fn delete_outdated(c: &mut impl WriteHandle, user: UserId, now: Timestamp) -> Result<(), Error> {
    let of_user = sessions::table.filter(sessions::user_id.eq(user.0));
    let expired = of_user.filter(sessions::expires_at.le(At(now))).select(sessions::id).limit(DELETED_MAX);
    // An ended session expires a day after its end, and an index is ordered by the expiry.
    let ended = of_user.filter(sessions::ended_at.is_not_null()).order(sessions::expires_at.desc());
    let surplus = ended.select(sessions::id).offset(ENDED_MAX).limit(DELETED_MAX);
    let mut outdated: Vec<i64> = c.all(expired).await?;
    outdated.extend(c.all::<i64, _>(surplus).await?);
    if !outdated.is_empty() {
        c.execute(diesel::delete(of_user.filter(sessions::id.eq_any(outdated)))).await?;
    }
    Ok(())
}

/// Ends the least needed sessions, so that the new session stays within the policy's limit.
async fn end_excess(
    c: &mut impl WriteHandle,
    actor: &Actor,
    policy: SessionPolicy,
) -> Result<EndedSessions, Error> {
    let live = live_of(actor.user, actor.now);
    let by_need = (sessions::last_used_at.gt(sessions::created_at).desc(), sessions::last_used_at.desc());
    let excess = live.order(by_need).offset(kept_by_login(policy)).select(sessions::id);
    let excess: Vec<i64> = c.all(excess).await?;
    let reason = EndReason::TooManySessions;
    let ending = Ending::new(actor, reason);
    let mut ids = Vec::new();
    // There is rarely more than one. On SQLite, a list would have a text for each number of them.
    for session in excess {
        let target = live_of(actor.user, actor.now).filter(sessions::id.eq(session));
        ids.extend(end_sessions(c, target, &ending).await?.ids);
    }
    Ok(EndedSessions { user: actor.user, reason: Some(reason), ids })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_by_login_leaves_room_for_the_new_session() {
        for (per_user, expected) in [(0, 0), (1, 0), (2, 1), (50, 49), (u32::MAX, i64::from(u32::MAX) - 1)] {
            let policy = SessionPolicy { per_user, ..SessionPolicy::default() };
            assert_eq!(kept_by_login(policy), expected, "{per_user}");
        }
    }
}
