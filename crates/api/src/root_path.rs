//! The path below which clients reach the service, if a proxy strips it from their requests.

use actix_web::HttpRequest;
use actix_web::http::header::HeaderName;
use actix_web::web::Data;
use daybook_attempts::TrustedProxies;

const FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// The configured root path, and the proxies that may replace it. The server puts it beside the
/// routes.
pub(crate) struct RootPath {
    pub(crate) configured: String,
    pub(crate) proxies: TrustedProxies,
}

impl RootPath {
    /// Returns the text in front of every path in the response: nothing, or a path like `/api`.
    pub(crate) fn of(request: &HttpRequest) -> &str {
        let Some(root) = request.app_data::<Data<Self>>() else { return "" };
        root.forwarded(request).unwrap_or(&root.configured)
    }

    /// Returns the `X-Forwarded-Prefix` of a trusted proxy. Ignores a repeated or invalid header.
    fn forwarded<'a>(&self, request: &'a HttpRequest) -> Option<&'a str> {
        let mut values = request.headers().get_all(FORWARDED_PREFIX);
        let (value, None) = (values.next()?, values.next()) else { return None };
        let (prefix, peer) = (parse(value.to_str().ok()?).ok()?, request.peer_addr()?.ip());
        self.proxies.contains(peer).then_some(prefix)
    }
}

/// Parses a root path. Returns it without the slash at its end.
///
/// # Errors
///
/// The rest of a sentence whose subject is the setting.
pub(crate) fn parse(text: &str) -> Result<&str, &'static str> {
    let path = text.strip_suffix('/').unwrap_or(text);
    let is_valid = text.starts_with('/') && path.split('/').skip(1).all(is_segment);
    is_valid.then_some(path).ok_or("must be a path like /api or /team/daybook, without .. and spaces")
}

/// True for a segment of RFC 3986, section 3.3, that is safe in `Location` and `Link`. Browsers
/// resolve `.` and `..`, even if they are percent-encoded.
fn is_segment(segment: &str) -> bool {
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&()*+;=:@".contains(&byte);
    let is_escape = |rest: &str| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    let is_plain = segment.bytes().all(is_safe) && segment.split('%').skip(1).all(is_escape);
    is_plain && !matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "" | "." | "..")
}
