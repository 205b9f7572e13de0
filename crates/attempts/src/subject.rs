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
    /// A login under this name by a client that its account does not know, or without an account.
    /// All such clients share one quota.
    Login(&'a [String]),
    /// A login under this name from a network that its account was used from before. Each such
    /// network has a quota of its own, as large as that of the name.
    KnownAddress(&'a [String]),
    /// A login by a client that has a refresh token of this session. Each session has a quota of
    /// its own.
    KnownDevice(i64),
    /// The password of this logged-in user again, before a critical change. The thief of an access
    /// token must not guess the password.
    Confirmation(i64),
}

/// The name of the quota of a typed name. That of a known address is the same, so that a refusal
/// does not show whether the account knows the client.
const ACCOUNT: &str = "account";
/// The name of the quota of a device or a user who is known by more than an address.
const CLIENT: &str = "client";

impl Subject<'_> {
    /// Returns the name of the quota, as a [`Refusal`](daybook_throttle::Refusal) repeats it, and
    /// the keys of the buckets that the attempt counts in.
    pub(crate) fn buckets(&self, client: Option<IpAddr>) -> (&'static str, Vec<String>) {
        match self {
            Self::Login(name) => (ACCOUNT, distinct(name).map(|form| format!("name {form}")).collect()),
            Self::KnownAddress(name) => {
                let network = network_key(client);
                (ACCOUNT, distinct(name).map(|form| format!("from {network} {form}")).collect())
            }
            Self::KnownDevice(session) => (CLIENT, vec![format!("session {session}")]),
            Self::Confirmation(user) => (CLIENT, vec![format!("confirmation {user}")]),
        }
    }

    /// True if the account knows the client. Such a client is admitted even if others have used up
    /// the quota of its network.
    pub(crate) fn is_known(&self) -> bool {
        !matches!(self, Self::Login(_))
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
