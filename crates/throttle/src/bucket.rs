//! A counter and its limit, as callers name them.

use crate::Quota;

/// One counter with its limit, for example of one account or of one network address.
#[derive(Debug, Clone, Copy)]
pub struct Bucket<'a> {
    /// The kind of counter, for example `address`. It is part of the counter's identity, and a
    /// [`Refusal`](crate::Refusal) repeats it.
    pub name: &'static str,
    /// The counter among those with the same name, for example `192.0.2.7`. Any text of any
    /// length: only a hash of it is stored.
    pub key: &'a str,
    /// The limit.
    pub quota: Quota,
}
