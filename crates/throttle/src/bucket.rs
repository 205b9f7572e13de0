//! A bucket: the name and the key of one counter, and its quota.

use crate::Quota;

/// One counter with its limit, for example of one account or of one network address.
#[derive(Debug, Clone, Copy)]
pub struct Bucket<'a> {
    /// The kind of counter, for example `address`. Buckets with the same key and different names
    /// have different counters. A [`Refusal`](crate::Refusal) contains this name.
    pub name: &'static str,
    /// Identifies the counter among those with the same name, for example `192.0.2.7`. The text may
    /// have any length, because only a hash of it is stored.
    pub key: &'a str,
    /// The limit.
    pub quota: Quota,
}
