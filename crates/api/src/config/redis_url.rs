//! The URL of Redis.

use secrecy::{ExposeSecret, SecretString};

/// The URL of a Redis: `redis://user:password@host:port/database`, or `rediss://` for TLS. Its
/// `Debug` shows nothing, since it may have a password.
#[derive(Debug, Clone)]
pub(crate) struct RedisUrl(SecretString);

impl RedisUrl {
    /// # Errors
    ///
    /// A sentence if no client can be made of the URL. It does not repeat the URL.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let is_known = text.starts_with("redis://") || text.starts_with("rediss://");
        // A bare `/` or `?` in the password would end the host before it.
        let after_host = text.splitn(3, '/').nth(2).and_then(|rest| rest.split_once(['/', '?']));
        let is_split = after_host.is_some_and(|(_, rest)| rest.contains('@'));
        // The client takes options behind a `#`, such as accepting any certificate.
        if is_known && !is_split && !text.contains('#') && redis::Client::open(text).is_ok() {
            Ok(Self(text.into()))
        } else {
            Err("must look like redis://user:password@host:6379/0, or rediss:// for TLS, with special \
                 characters of the password percent-encoded")
        }
    }

    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}
