//! Base URLs of other services.

use url::Url;

/// Parses the URL below which a service is called. A user, a query or a fragment in it would be
/// lost or logged.
///
/// # Errors
///
/// A sentence that does not repeat the URL.
pub(super) fn base_url(text: &str) -> Result<Url, &'static str> {
    match Url::parse(text) {
        Ok(url) if is_plain(&url) => Ok(url),
        _ => Err("must be an http:// or https:// URL without a user, a query or a fragment"),
    }
}

fn is_plain(url: &Url) -> bool {
    let has_user = !url.username().is_empty() || url.password().is_some();
    let has_rest = url.query().is_some() || url.fragment().is_some();
    matches!(url.scheme(), "http" | "https") && url.has_host() && !has_user && !has_rest
}
