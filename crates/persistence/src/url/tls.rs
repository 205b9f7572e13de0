//! TLS to PostgreSQL, from the parameters of a URL.

use std::path::PathBuf;

use tokio_postgres::config::{SslMode, SslNegotiation};

use super::error::{UrlError, fail};
use super::uri::Parameters;

/// `sslmode` as libpq defines it. `allow` is rejected, because it tries a connection without TLS
/// first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TlsMode {
    Disable,
    /// Encrypted if the server supports it. The server's identity is not verified.
    Prefer,
    /// Encrypted. The server's identity is not verified.
    Require,
    /// Encrypted. The server's certificate must be signed by a root in this file.
    VerifyCa(PathBuf),
    /// The same, and the certificate must name this host. Without a file, the system's roots are
    /// used.
    VerifyFull(Option<PathBuf>),
}

impl TlsMode {
    /// Returns true if a connection without TLS is an error.
    pub(super) fn is_required(&self) -> bool {
        !matches!(self, Self::Disable | Self::Prefer)
    }

    /// Returns the driver's mode. The connector verifies the certificate.
    pub(super) fn driver_mode(&self) -> SslMode {
        match self {
            Self::Disable => SslMode::Disable,
            Self::Prefer => SslMode::Prefer,
            Self::Require | Self::VerifyCa(_) | Self::VerifyFull(_) => SslMode::Require,
        }
    }

    /// Takes `sslmode` and `sslrootcert`.
    ///
    /// # Errors
    ///
    /// If libpq rejects them, or if less would be verified than one of them asks for.
    pub(super) fn take(parameters: &mut Parameters) -> Result<Self, UrlError> {
        let mode = parameters.take("sslmode")?;
        let root = parameters.take("sslrootcert")?.filter(|root| !root.is_empty());
        let is_system = root.as_deref() == Some("system");
        match (mode.as_deref(), root) {
            // As in libpq: if all public authorities are trusted, the host name must be verified
            // too.
            (None | Some("verify-full"), _) if is_system => Ok(Self::VerifyFull(None)),
            (Some(_), _) if is_system => fail("has sslrootcert=system, which needs sslmode=verify-full"),
            (None | Some("prefer"), None) => Ok(Self::Prefer),
            (Some("disable"), None) => Ok(Self::Disable),
            (Some("require"), None) => Ok(Self::Require),
            // As in libpq: a root certificate turns `require` into `verify-ca`.
            (Some("require" | "verify-ca"), Some(root)) => Ok(Self::VerifyCa(root.into())),
            (Some("verify-ca"), None) => fail("has sslmode=verify-ca, which needs sslrootcert"),
            (Some("verify-full"), root) => Ok(Self::VerifyFull(root.map(PathBuf::from))),
            // The certificate shows that the server's identity shall be verified.
            (None | Some("prefer" | "disable"), Some(_)) => {
                fail("has sslrootcert, which needs sslmode=verify-full, verify-ca or require")
            }
            (Some("allow"), _) => fail(
                "has sslmode=allow, which is not supported: write sslmode=prefer, or better \
                 sslmode=verify-full",
            ),
            (Some(_), _) => fail("needs an sslmode of disable, prefer, require, verify-ca or verify-full"),
        }
    }
}

/// Takes `sslnegotiation`, and the other parameters that ask for something about TLS. They are
/// accepted if each connection fulfills them, and rejected otherwise.
///
/// # Errors
///
/// If a parameter cannot be fulfilled.
pub(super) fn take_negotiation(
    parameters: &mut Parameters,
    mode: &TlsMode,
) -> Result<SslNegotiation, UrlError> {
    for (key, fulfilled) in [
        ("sslcompression", &["0"][..]),
        ("sslsni", &["1"]),
        ("sslcertmode", &["disable", "allow"]),
        // TLS 1.2 is the oldest version that this crate speaks.
        ("ssl_min_protocol_version", &["TLSv1.2", "TLSv1.1", "TLSv1"]),
        ("ssl_max_protocol_version", &["TLSv1.3"]),
        ("gssencmode", &["disable", "prefer"]),
    ] {
        if let Some(value) = parameters.take(key)?
            && !value.is_empty()
            && !fulfilled.contains(&value.as_str())
        {
            return fail(format!("has a {key} that is not supported: remove it, or write {}", fulfilled[0]));
        }
    }
    match parameters.take("sslnegotiation")?.as_deref() {
        None | Some("postgres") => Ok(SslNegotiation::Postgres),
        Some("direct") if mode.is_required() => Ok(SslNegotiation::Direct),
        Some("direct") => fail("has sslnegotiation=direct, which needs sslmode=require or stronger"),
        Some(_) => fail("needs an sslnegotiation of postgres or direct"),
    }
}
