//! Refresh token rotation: each token is replaced by one successor (RFC 9700, section 4.14.2).

use daybook_domain::{
    Actor, EndReason, EventKind, Origin, Proof, SessionId, SessionPolicy, Timestamp, UserId,
};
use diesel::prelude::*;

use super::digest::{FamilyDigest, TokenDigest};
use super::ending::{Ending, end_sessions};
use super::query::{GRACE_SECONDS, outdated_rotations};
use super::verdict::{RefreshPreview, Refreshed, Rotation, SessionRow, Verdict, judge, live};
use crate::database::Database;
use crate::error::Error;
use crate::event::{self, Entry};
use crate::handle::{ReadHandle, WriteHandle, columns};
use crate::live::live_of;
use crate::prepared::Prepared;
use crate::row_lock::Locking;
use crate::schema::{rotations, sessions, users};
use crate::server_time::ServerTime;
use crate::time::At;
use crate::unit::{read, transaction};

/// The maximum number of rotations that are read. A client needs fewer within the grace period. If
/// there are more, the oldest tokens count as reused.
const RECENT_MAX: i64 = 1_000;

/// A refresh token that a client sends, and its successor.
#[derive(Debug, Clone)]
pub struct Refresh {
    /// The token's family.
    pub family: FamilyDigest,
    /// The token.
    pub refresh_token: TokenDigest,
    /// The token that replaces it, if the token is rotated.
    pub successor: TokenDigest,
    /// The salt that the successor was derived with.
    pub salt: [u8; 16],
    /// The address and the user agent of the request.
    pub origin: Origin,
    /// The policy that determines when the session expires.
    pub policy: SessionPolicy,
}

impl Refresh {
    /// Returns a refresh from an unknown origin.
    #[must_use]
    pub fn new(
        family: FamilyDigest,
        refresh_token: TokenDigest,
        successor: TokenDigest,
        salt: [u8; 16],
        policy: SessionPolicy,
    ) -> Self {
        Self { family, refresh_token, successor, salt, origin: Origin::default(), policy }
    }
}

impl Database {
    /// Returns what a refresh would do. A few reads are enough for this, and a refresh is a
    /// transaction that locks the user.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn preview_refresh(
        &self,
        family: FamilyDigest,
        token: TokenDigest,
        now: Timestamp,
    ) -> Result<RefreshPreview, Error> {
        read!(self, |c| {
            let found = match live(session_of(c, family).await?, now) {
                Ok(found) => found,
                Err(outcome) => return Ok(RefreshPreview::Unchanged(outcome)),
            };
            if found.has(token) {
                return Ok(RefreshPreview::Rotation { user: found.user(), session: found.session() });
            }
            let recent = recent_rotations(c, found.session(), now).await?;
            Ok(match judge(Some(found), recent, token, now) {
                Verdict::Return(repeated) => RefreshPreview::Unchanged(repeated),
                Verdict::Reuse { .. } => RefreshPreview::Reuse,
            })
        })
    }

    /// Replaces a refresh token by its successor. If several clients send the same token at once, a
    /// compare-and-swap decides between them.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn refresh_session(&self, refresh: Refresh, now: Timestamp) -> Result<Refreshed, Error> {
        transaction!(self, |c| {
            // Lock order: user, sessions, as in `open_session`, so the two cannot deadlock. The
            // lock also covers the events, whose foreign key locks the user.
            lock_user_of(c, refresh.family).await?;
            if let Some((user, session)) = rotate(c, &refresh, now).await? {
                return Ok(Refreshed::Rotated { user, session });
            }
            let found = session_of(c, refresh.family).await?;
            let recent = match &found {
                Some(found) if found.is_live(now) => recent_rotations(c, found.session(), now).await?,
                _ => Vec::new(),
            };
            match judge(found, recent, refresh.refresh_token, now) {
                Verdict::Return(refreshed) => Ok(refreshed),
                Verdict::Reuse { user, session } => {
                    let actor = Actor { user, proof: Proof::Session(session), origin: refresh.origin, now };
                    end_reused(c, &actor, session).await
                }
            }
        })
    }
}

/// Returns the session that a family of refresh tokens belongs to.
async fn session_of(c: &mut impl ReadHandle, family: FamilyDigest) -> Result<Option<SessionRow>, Error> {
    let found = sessions::table.filter(sessions::family.eq(family.0.to_vec()));
    Ok(c.optional(found.select(columns::<SessionRow>())).await?)
}

/// Locks the row of the family's user, if there is one.
async fn lock_user_of(c: &mut impl WriteHandle, family: FamilyDigest) -> Result<(), Error> {
    let of_family = sessions::table.filter(sessions::family.eq(family.0.to_vec())).select(sessions::user_id);
    let user = users::table.filter(users::id.eq_any(of_family)).select(users::id);
    let _: Option<i64> = c.optional(Locking::for_change(user)).await?;
    Ok(())
}

/// Replaces the token if it is the current one of a live session. Returns the user and the session.
async fn rotate(
    c: &mut impl WriteHandle,
    refresh: &Refresh,
    now: Timestamp,
) -> Result<Option<(UserId, SessionId)>, Error> {
    let origin = &refresh.origin;
    let current = sessions::table
        .filter(sessions::family.eq(refresh.family.0.to_vec()))
        .filter(sessions::refresh_token.eq(refresh.refresh_token.0.to_vec()))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(At(now)));
    let change = (
        sessions::refresh_token.eq(refresh.successor.0.to_vec()),
        sessions::last_used_at.eq(At(now)),
        sessions::ip.eq(origin.ip.map(|ip| ip.to_string())),
        sessions::user_agent.eq(origin.user_agent.clone()),
    );
    let swap = diesel::update(current).set(change).returning((
        sessions::id,
        sessions::user_id,
        sessions::created_at,
    ));
    let swapped: Option<(i64, i64, At)> = c.optional(Prepared(swap)).await?;
    let Some((id, user, created_at)) = swapped else { return Ok(None) };
    let (session, user) = (SessionId(id), UserId(user));
    // This is a separate statement, because the expiry depends on `created_at`, which the swap
    // returns.
    let expires_at = At(refresh.policy.expiry(created_at.0, now));
    let extend = diesel::update(sessions::table.find(id)).set(sessions::expires_at.eq(expires_at));
    c.execute(Prepared(extend)).await?;
    c.execute(diesel::delete(outdated_rotations(session, now))).await?;
    let rotation = (
        rotations::refresh_token.eq(refresh.refresh_token.0.to_vec()),
        rotations::session_id.eq(id),
        rotations::salt.eq(refresh.salt.to_vec()),
        rotations::rotated_at.eq(ServerTime::now(now)),
    );
    c.execute(diesel::insert_into(rotations::table).values(rotation)).await?;
    let actor = Actor { user, proof: Proof::Session(session), origin: origin.clone(), now };
    event::record(c, Entry::new(&actor, EventKind::Refresh)).await?;
    event::delete_outdated(c, user, now).await?;
    Ok(Some((user, session)))
}

/// Returns the session's rotations within the grace period, newest first.
async fn recent_rotations(
    c: &mut impl ReadHandle,
    session: SessionId,
    now: Timestamp,
) -> Result<Vec<Rotation>, Error> {
    let recent = rotations::table
        .filter(rotations::session_id.eq(session.0))
        .filter(rotations::rotated_at.gt(ServerTime::ago(now, GRACE_SECONDS)))
        .order(rotations::rotated_at.desc())
        .limit(RECENT_MAX)
        .select((rotations::refresh_token, rotations::salt));
    let recent: Vec<(Vec<u8>, Vec<u8>)> = c.all(recent).await?;
    recent.into_iter().map(rotation).collect()
}

fn rotation((refresh_token, salt): (Vec<u8>, Vec<u8>)) -> Result<Rotation, Error> {
    match (refresh_token.try_into(), salt.try_into()) {
        (Ok(refresh_token), Ok(salt)) => Ok(Rotation { refresh_token: TokenDigest(refresh_token), salt }),
        _ => Err(Error::internal("a stored rotation has the wrong length")),
    }
}

/// Ends the session of a token that was reused.
async fn end_reused(c: &mut impl WriteHandle, actor: &Actor, session: SessionId) -> Result<Refreshed, Error> {
    event::record(c, Entry::new(actor, EventKind::RefreshTokenReused)).await?;
    let ending = Ending::new(actor, EndReason::RefreshTokenReused);
    let target = live_of(actor.user, actor.now).filter(sessions::id.eq(session.0));
    let mut ended = end_sessions(c, target, &ending).await?;
    // The session is announced even if another transaction has ended it meanwhile.
    ended.ids = vec![session];
    Ok(Refreshed::Reused { session, ended })
}
