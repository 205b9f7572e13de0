//! Limits on attempts: which client they count for, and how often a password may be tried.

pub(crate) mod attempts;
pub(crate) mod client_address;
