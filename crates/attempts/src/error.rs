//! The error of parsing limits and proxies.

use daybook_throttle::QuotaError;

/// Why a text has no [`RateLimits`](crate::RateLimits) or no
/// [`TrustedProxies`](crate::TrustedProxies).
///
/// `Display` is the rest of a sentence whose subject is the setting: "`TRUSTED_PROXIES` has "x":
/// write an address like 10.0.0.1".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// The limits are not written like `account=10/10m,address=100/10m`.
    #[error("must look like account=10/10m,address=100/10m")]
    RateLimits,
    /// A quota of the limits is not valid.
    #[error("has {part:?}: {cause}")]
    Quota {
        /// The part with the quota, as it was written.
        part: String,
        /// Why it is not valid.
        cause: QuotaError,
    },
    /// This part of the list of proxies is not the address or network of a proxy.
    #[error("has {0:?}: write an address like 10.0.0.1 or a network like 10.0.0.0/8, without a port or zone")]
    Network(String),
    /// The list of proxies trusts this network, which is too large to contain only proxies.
    #[error(
        "trusts all of {0}, and therefore its clients: list the addresses or networks of the proxies alone"
    )]
    NetworkTooLarge(String),
}
