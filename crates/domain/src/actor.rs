//! The user behind a request, with the session, the origin and the time.

use std::net::IpAddr;

use crate::{SessionId, Timestamp, UserId};

/// Who makes a change, in which session, from where and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The user.
    pub user: UserId,
    /// The session that the user is logged in with; `None` if the token belongs to no session.
    pub session: Option<SessionId>,
    /// The client that sent the request.
    pub origin: Origin,
    /// When the request is handled.
    pub now: Timestamp,
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
