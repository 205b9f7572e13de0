use crate::Quota;

/// One counter: what is counted, whose it is, and how many there may be.
#[derive(Debug, Clone, Copy)]
pub struct Bucket<'a> {
    /// What is counted, for example `address`: told to the client that is refused, and part of what tells counters apart.
    pub name: &'static str,
    /// Whose it is: any text of any length. It is never stored, only a hash of it.
    pub key: &'a str,
    /// How many there may be.
    pub quota: Quota,
}
