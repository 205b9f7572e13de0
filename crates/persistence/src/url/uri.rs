//! Splits a PostgreSQL URI as libpq does (`conninfo_uri_parse_options` in `fe-connect.c`).
//!
//! Own code: `tokio_postgres::Config` splits at another `@`, and a general URL parser takes a `#`
//! or a `?` in the password for the end of the host. A second reading of one URL could connect
//! without the TLS that the URL requires.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use super::error::{UrlError, fail};
use super::foreign;

/// The parameters of a URI by libpq's keywords. The hosts and ports are lists, separated by commas.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters(BTreeMap<String, Vec<u8>>);

impl Parameters {
    /// Removes a parameter and returns its value.
    ///
    /// # Errors
    ///
    /// If the value is not UTF-8.
    pub(super) fn take(&mut self, key: &str) -> Result<Option<String>, UrlError> {
        self.take_bytes(key).map(|value| utf8(value, key)).transpose()
    }

    /// Removes a parameter and returns its value, which need not be UTF-8.
    pub(super) fn take_bytes(&mut self, key: &str) -> Option<Vec<u8>> {
        self.0.remove(key)
    }

    /// Returns the name of a parameter that was not taken.
    pub(super) fn rest(&self) -> Option<&str> {
        self.0.keys().next().map(String::as_str)
    }

    /// Stores a value. As in libpq, an empty part of the URI stores nothing.
    fn store_part(&mut self, key: &str, part: &str) -> Result<(), UrlError> {
        let value = decode(part)?;
        if !value.is_empty() {
            self.0.insert(key.to_owned(), value);
        }
        Ok(())
    }
}

fn utf8(value: Vec<u8>, key: &str) -> Result<String, UrlError> {
    String::from_utf8(value).or_else(|_| fail(format!("has a {key} that is not UTF-8")))
}

/// Splits the part of a URI after `postgres://`.
///
/// # Errors
///
/// If libpq rejects the URI, or if a person may read it differently.
pub(super) fn split(text: &str) -> Result<Parameters, UrlError> {
    if text.contains(char::is_whitespace) {
        return fail("contains white space: percent-encode a space as %20");
    }
    if text.contains(char::is_control) {
        return fail("contains a control character: percent-encode it");
    }
    let (credentials, rest) = match text.find(['@', '/']) {
        Some(at) if text[at..].starts_with('@') => (Some(&text[..at]), &text[at + 1..]),
        _ => (None, text),
    };
    let authority_end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(authority_end);
    let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
    reject_second_reading(credentials, authority, path)?;

    let mut parameters = Parameters::default();
    if let Some(credentials) = credentials {
        let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
        parameters.store_part("user", user)?;
        parameters.store_part("password", password)?;
    }
    let (hosts, ports) = hosts_and_ports(authority)?;
    parameters.store_part("host", &hosts)?;
    parameters.store_part("port", &ports)?;
    parameters.store_part("dbname", path.strip_prefix('/').unwrap_or(path))?;
    // With an `@` in the query, the query may be the end of a password that contains a `/` or a
    // `?`. Then no part of it is repeated.
    let may_be_password = query.is_some_and(|query| query.contains('@'));
    read_query(query.unwrap_or_default(), &mut parameters).map_err(|error| match error {
        QueryError::Unknown(_) if may_be_password => UrlError(SECOND_AT.to_owned()),
        QueryError::Unknown(name) => UrlError(foreign::parameter(&name)),
        QueryError::Other(error) => error,
    })?;
    Ok(parameters)
}

const SECOND_AT: &str = "has an @ that may be part of the password: percent-encode an @ in the \
     user name, in the password and after the host as %40, and a / in the password as %2F";

/// Rejects a URI that a person reads differently than libpq.
///
/// libpq takes the credentials up to the first `@`, unless a `/` comes first. A password with a
/// bare `@`, `/` or `?` can therefore be split in the middle, so that its end becomes a host or a
/// parameter.
fn reject_second_reading(credentials: Option<&str>, authority: &str, path: &str) -> Result<(), UrlError> {
    if authority.contains('@') || path.contains('@') {
        return fail(SECOND_AT);
    }
    // `host?application_name=a@b`: libpq takes all before the `@` for credentials.
    if let Some((before, query)) = credentials.and_then(|credentials| credentials.split_once('?')) {
        let is_authority = hosts_and_ports(before)
            .is_ok_and(|(_, ports)| ports.bytes().all(|byte| byte.is_ascii_digit() || byte == b','));
        let is_query = query.split('&').any(|pair| pair.split_once('=').is_some_and(|(key, _)| is_name(key)));
        if is_authority && is_query {
            return fail(
                "has a ? before an @: percent-encode a ? in the password as %3F, and an @ in a \
                 parameter as %40",
            );
        }
    }
    Ok(())
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// Splits `a:1,[::1],b:2` into `a,::1,b` and `1,,2`.
fn hosts_and_ports(authority: &str) -> Result<(String, String), UrlError> {
    let mut hosts = Vec::new();
    let mut ports = Vec::new();
    for entry in authority.split(',') {
        let (host, port) = match entry.strip_prefix('[') {
            Some(entry) => match entry.split_once(']') {
                Some((host, "")) if !host.is_empty() => (host, ""),
                Some((host, rest)) if !host.is_empty() && rest.starts_with(':') => (host, &rest[1..]),
                _ => return fail("has a [ that does not begin an IPv6 address, as in [::1]:5432"),
            },
            None => entry.split_once(':').unwrap_or((entry, "")),
        };
        hosts.push(host);
        ports.push(port);
    }
    let ports = if ports.iter().all(|port| port.is_empty()) { String::new() } else { ports.join(",") };
    Ok((hosts.join(","), ports))
}

enum QueryError {
    /// libpq does not know the parameter with this name.
    Unknown(String),
    Other(UrlError),
}

impl From<UrlError> for QueryError {
    fn from(error: UrlError) -> Self {
        Self::Other(error)
    }
}

/// Reads the parameters of the query. They replace those of the other parts of the URI, and the
/// last of two equal names counts. Only for TLS, two different values are rejected.
fn read_query(query: &str, parameters: &mut Parameters) -> Result<(), QueryError> {
    if query.is_empty() {
        return Ok(());
    }
    // libpq accepts one `&` after the last parameter.
    for pair in query.strip_suffix('&').unwrap_or(query).split('&') {
        let Some((key, value)) = pair.split_once('=').filter(|(_, value)| !value.contains('=')) else {
            return Err(UrlError(
                "has a parameter without exactly one =: percent-encode a = in a value as %3D, and a & as %26"
                    .to_owned(),
            )
            .into());
        };
        let mut key = utf8(decode(key)?, "parameter")?;
        let mut value = decode(value)?;
        // The form of JDBC, which libpq accepts too.
        if key == "ssl" && value == b"true" {
            (key, value) = ("sslmode".to_owned(), b"require".to_vec());
        }
        if !foreign::is_libpq(&key) {
            return Err(QueryError::Unknown(key));
        }
        let previous = parameters.0.insert(key.clone(), value.clone());
        if key.starts_with("ssl") && previous.is_some_and(|previous| previous != value) {
            return Err(UrlError(format!("has two different values of {key}")).into());
        }
    }
    Ok(())
}

/// Decodes percent-encoding (RFC 3986 section 2.1). A `+` stays a `+`.
fn decode(text: &str) -> Result<Vec<u8>, UrlError> {
    let is_encoded = |rest: &str| rest.len() >= 2 && rest.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit);
    if !text.split('%').skip(1).all(is_encoded) {
        return fail("has a % without two hexadecimal digits: percent-encode a % as %25");
    }
    let decoded: Vec<u8> = percent_decode_str(text).collect();
    if decoded.contains(&0) {
        return fail("contains %00, which no value can contain");
    }
    Ok(decoded)
}
