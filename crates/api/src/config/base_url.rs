//! Base URLs of other services.

use std::fmt;

use url::Url;

/// The base URL of an AI provider. It may have a query, such as the API version of Azure. Its
/// `Debug` leaves the query out, since some providers expect a key there.
#[derive(Clone)]
pub(crate) struct ProviderUrl(pub(crate) Url);

impl fmt::Debug for ProviderUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", &self.0[..url::Position::AfterPath])
    }
}

/// Parses the base URL of an AI provider. A user or a fragment in it would be lost or logged.
///
/// # Errors
///
/// A sentence that does not repeat the URL.
pub(super) fn provider_url(text: &str) -> Result<ProviderUrl, &'static str> {
    match Url::parse(text) {
        Ok(url) if is_plain(&url) => Ok(ProviderUrl(url)),
        _ => Err("must be an http:// or https:// URL without a user or a fragment"),
    }
}

/// Parses the URL below which a service is called. A user, a query or a fragment in it would be
/// lost or logged.
///
/// # Errors
///
/// A sentence that does not repeat the URL.
pub(super) fn base_url(text: &str) -> Result<Url, &'static str> {
    match Url::parse(text) {
        Ok(url) if is_plain(&url) && url.query().is_none() => Ok(url),
        _ => Err("must be an http:// or https:// URL without a user, a query or a fragment"),
    }
}

fn is_plain(url: &Url) -> bool {
    let has_user = !url.username().is_empty() || url.password().is_some();
    matches!(url.scheme(), "http" | "https") && url.has_host() && !has_user && url.fragment().is_none()
}
