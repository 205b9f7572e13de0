//! The name, known client or confirmation whose quota an attempt uses, and its keys.

use std::net::IpAddr;

use daybook_throttle::network_of;

/// What an attempt counts for, beside the network of its client.
///
/// A login counts for the name that was typed and not for the account behind it. The limit is
/// therefore the same whether or not there is an account, and does not show which names belong to
/// one person.
///
/// A name is given in each form in which it is compared with stored names, for example without
/// case. An attempt counts for each form, so all spellings that find one account share a quota.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Subject<'a> {
    /// A login under this name. All clients share one quota, and the quota of the client's network
    /// counts the attempt as well.
    Login(&'a [String]),
    /// A login that was refused as [`Login`](Self::Login), from a network that the account was used
    /// from before. Each such network has a quota of its own for the name.
    KnownAddress(&'a [String]),
    /// A login that was refused as [`Login`](Self::Login), by a client that has a refresh token of
    /// this session. Each session has a quota of its own.
    KnownDevice(i64),
    /// The password of a logged-in user again, before a critical change in this session. The thief
    /// of an access token must not guess the password, nor keep the user from the change.
    Confirmation {
        /// The user.
        user: i64,
        /// The session of the access token, if it has one.
        session: Option<i64>,
    },
}

/// The name of the quota of a typed name.
const ACCOUNT: &str = "account";
/// The name of the quota of a known client or a logged-in user.
const CLIENT: &str = "client";

impl Subject<'_> {
    /// Returns the name of the quota, as a [`Refusal`](daybook_throttle::Refusal) repeats it, and
    /// the keys of the buckets that the attempt counts in.
    pub(crate) fn buckets(&self, client: Option<IpAddr>) -> (&'static str, Vec<String>) {
        match self {
            Self::Login(name) => (ACCOUNT, distinct(name).map(|form| format!("name {form}")).collect()),
            Self::KnownAddress(name) => {
                let network = network_key(client);
                (CLIENT, distinct(name).map(|form| format!("from {network} {form}")).collect())
            }
            Self::KnownDevice(session) => (CLIENT, vec![format!("session {session}")]),
            Self::Confirmation { user, session } => {
                (CLIENT, vec![format!("confirmation {user} {session:?}")])
            }
        }
    }

    /// True if the quota of the network counts the attempt.
    pub(crate) fn counts_for_network(&self) -> bool {
        matches!(self, Self::Login(_))
    }
}

/// Returns each form once.
fn distinct(name: &[String]) -> impl Iterator<Item = &String> {
    name.iter().enumerate().filter(|(index, form)| !name[..*index].contains(form)).map(|(_, form)| form)
}

/// Returns the key of the network of a client. Clients without an address share one.
pub(crate) fn network_key(client: Option<IpAddr>) -> String {
    client.map(|address| network_of(address).to_string()).unwrap_or_default()
}
