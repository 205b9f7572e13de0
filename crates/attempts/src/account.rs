//! The account, known client or confirmation whose quota an attempt uses, and its key.

use std::net::IpAddr;

use daybook_throttle::network_of;

/// The account that an attempt counts for.
///
/// Ids are the service's own. An id of a user and an equal id of a session have different counters.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Account<'a> {
    /// A login to the account of this user, from a client that the account does not know. All such
    /// clients share one quota.
    Login(i64),
    /// A login under a name without an account. It has the same limit as an account, so a client
    /// cannot find out which names have one.
    Unknown(&'a str),
    /// A login to the account of this user, from a network that the account was registered from or
    /// logged in from before. Each such network has a quota of its own.
    KnownAddress(i64),
    /// A login by a client that has a refresh token of this session. Each session has a quota of
    /// its own.
    KnownDevice(i64),
    /// The password of this logged-in user again, before a critical change. The thief of an access
    /// token must not guess the password.
    Confirmation(i64),
}

/// The name of the quota of an account, as a [`Refusal`](daybook_throttle::Refusal) repeats it.
pub(crate) const ACCOUNT: &str = "account";
/// The name of the quota of a client that the account knows.
const CLIENT: &str = "client";

impl Account<'_> {
    /// Returns the name and the key of the bucket that the attempt counts in.
    pub(crate) fn bucket(&self, client: Option<IpAddr>) -> (&'static str, String) {
        match self {
            Self::Login(user) => (ACCOUNT, format!("user {user}")),
            Self::Unknown(name) => (ACCOUNT, format!("name {name}")),
            Self::KnownAddress(user) => (CLIENT, format!("user {user} from {}", network_key(client))),
            Self::KnownDevice(session) => (CLIENT, format!("session {session}")),
            Self::Confirmation(user) => (CLIENT, format!("confirmation {user}")),
        }
    }
}

/// Returns the key of the network of a client. Clients without an address share one.
pub(crate) fn network_key(client: Option<IpAddr>) -> String {
    client.map(|address| network_of(address).to_string()).unwrap_or_default()
}
