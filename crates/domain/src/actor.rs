//! The user behind a request, with the proof, the origin and the time.

use std::net::IpAddr;

use crate::{SessionId, Timestamp, UserId};

/// Who makes a change, in which session, from where and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The user.
    pub user: UserId,
    /// What shows that the request may act as this user.
    pub proof: Proof,
    /// The client that sent the request.
    pub origin: Origin,
    /// When the request is handled.
    pub now: Timestamp,
}

impl Actor {
    /// Returns the session that the user is logged in with. Returns `None` if the token belongs to
    /// no session.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        self.proof.session()
    }
}

/// What shows that a request may act as a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The caller has verified the user in another way, for example by the password of a login, or
    /// records an attempt of another client. Writes still check that the account is open.
    Unchecked,
    /// A token of this session. It is valid while the session is live.
    Session(SessionId),
    /// A token without a session that was issued at this time. It is valid until the user changes
    /// the password or logs out with such a token.
    LegacyToken(Timestamp),
}

impl Proof {
    /// Returns the session of the token, if it belongs to one.
    #[must_use]
    pub fn session(self) -> Option<SessionId> {
        match self {
            Self::Session(session) => Some(session),
            Self::Unchecked | Self::LegacyToken(_) => None,
        }
    }
}

/// Where a request came from, as far as the client can be believed. It is shown to the account's
/// owner and proves nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The client's address, if it is known.
    pub ip: Option<IpAddr>,
    /// The client's `User-Agent`, if it sent one.
    pub user_agent: Option<String>,
}
