//! Where Redis is.

use std::fmt;

/// The URL of a Redis that can be understood: `redis://user:password@host:port/database`, or `rediss://` for TLS. Its `Debug` tells
/// nothing, since the password stands in it.
#[derive(Clone)]
pub struct RedisUrl(String);

impl RedisUrl {
    /// Takes a URL.
    ///
    /// # Errors
    ///
    /// With a sentence when it is none that a client could be made of; it does not repeat the text.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let is_known = text.starts_with("redis://") || text.starts_with("rediss://");
        // Behind a `#` the client takes orders, like that of not looking at certificates.
        if is_known && !text.contains('#') && redis::Client::open(text).is_ok() {
            Ok(Self(text.to_owned()))
        } else {
            Err("must look like redis://user:password@host:6379/0, or rediss:// for TLS")
        }
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisUrl(..)")
    }
}
