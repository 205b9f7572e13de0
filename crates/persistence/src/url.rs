//! Database URLs.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A parsed `DATABASE_URL`: `sqlite://path/to/file`, `sqlite:///absolute/path`, or
/// `postgres://user@host/name?sslmode=…`.
///
/// `Debug` and `Display` leave the password out.
#[derive(Clone)]
pub struct DatabaseUrl(pub(crate) Location);

#[derive(Clone)]
pub(crate) enum Location {
    Sqlite(PathBuf),
    Postgres(Box<PostgresLocation>),
}

/// A PostgreSQL server, and the verification of its identity.
#[derive(Clone)]
pub(crate) struct PostgresLocation {
    pub(crate) config: tokio_postgres::Config,
    pub(crate) tls: TlsMode,
}

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

/// The reason why a text is not a database URL. It never contains the URL, which may contain a
/// password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UrlError(String);

impl DatabaseUrl {
    /// Returns the path of the database file, if the database is SQLite.
    #[must_use]
    pub fn sqlite_path(&self) -> Option<&Path> {
        match &self.0 {
            Location::Sqlite(path) => Some(path),
            Location::Postgres(_) => None,
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if let Some(path) = text.strip_prefix("sqlite://") {
            return sqlite(path);
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return postgres(text);
        }
        fail("must begin with sqlite://, postgres:// or postgresql://")
    }
}

fn sqlite(path: &str) -> Result<DatabaseUrl, UrlError> {
    if path.is_empty() || path.ends_with('/') {
        return fail("sqlite:// must be followed by the path of a file");
    }
    if path.contains(['?', '#', '\0']) || path.starts_with(':') {
        return fail(
            "sqlite:// takes the path of a file and no parameters; \
             a database in memory would lose every note",
        );
    }
    Ok(DatabaseUrl(Location::Sqlite(PathBuf::from(path))))
}

fn postgres(text: &str) -> Result<DatabaseUrl, UrlError> {
    let Ok(mut url) = ::url::Url::parse(text) else {
        return fail("is not a valid postgres:// URL");
    };
    let mut mode = None;
    let mut root = None;
    let mut system = false;
    let mut rest = Vec::new();
    for pair in url.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        // libpq takes `+` literally. Only HTML forms decode it to a space.
        let decoded = pair.replace('+', "%2B");
        let Some((key, value)) = ::url::form_urlencoded::parse(decoded.as_bytes()).next() else { continue };
        match &*key {
            "sslmode" => mode = Some(value.into_owned()),
            "sslrootcert" if value == "system" => system = true,
            "sslrootcert" => root = Some(PathBuf::from(&*value)),
            "sslcert" | "sslkey" | "sslcrl" => return fail(format!("{key} is not supported")),
            _ => rest.push(pair.to_owned()),
        }
    }
    let tls = match mode.as_deref() {
        // As in libpq: if all public authorities are trusted, the host name must be verified too.
        None if system => TlsMode::VerifyFull(None),
        Some(weaker) if system && weaker != "verify-full" => {
            return fail("sslrootcert=system needs sslmode=verify-full");
        }
        None | Some("prefer") => TlsMode::Prefer,
        Some("disable") => TlsMode::Disable,
        // As in libpq: a root certificate turns `require` into `verify-ca`.
        Some("require") => root.map_or(TlsMode::Require, TlsMode::VerifyCa),
        Some("verify-ca") => match root {
            Some(root) => TlsMode::VerifyCa(root),
            None => return fail("sslmode=verify-ca needs sslrootcert"),
        },
        Some("verify-full") => TlsMode::VerifyFull(root),
        Some(_) => return fail("sslmode must be disable, prefer, require, verify-ca or verify-full"),
    };
    url.set_query(if rest.is_empty() { None } else { Some(rest.join("&")) }.as_deref());
    let mut config: tokio_postgres::Config = match url.as_str().parse() {
        Ok(config) => config,
        Err(_) => return fail("is not a valid postgres:// URL"),
    };
    if config.get_hosts().is_empty() {
        return fail("postgres:// needs a host");
    }
    if config.get_dbname().is_none() {
        return fail("postgres:// needs the name of a database");
    }
    config.ssl_mode(match tls {
        TlsMode::Disable => tokio_postgres::config::SslMode::Disable,
        TlsMode::Prefer => tokio_postgres::config::SslMode::Prefer,
        _ => tokio_postgres::config::SslMode::Require,
    });
    Ok(DatabaseUrl(Location::Postgres(Box::new(PostgresLocation { config, tls }))))
}

fn fail<T>(sentence: impl Into<String>) -> Result<T, UrlError> {
    Err(UrlError(sentence.into()))
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Location::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Location::Postgres(location) => {
                let name = location.config.get_dbname().unwrap_or_default();
                write!(f, "postgres database {name:?}")
            }
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tls(text: &str) -> Result<TlsMode, UrlError> {
        match text.parse::<DatabaseUrl>()?.0 {
            Location::Postgres(location) => Ok(location.tls),
            Location::Sqlite(_) => fail("sqlite"),
        }
    }

    #[test]
    fn parse_reads_relative_and_absolute_files() {
        for (text, path) in [("sqlite://data/day.db", "data/day.db"), ("sqlite:///var/day.db", "/var/day.db")]
        {
            assert_eq!(text.parse::<DatabaseUrl>().unwrap().sqlite_path(), Some(Path::new(path)));
        }
    }

    #[test]
    fn parse_reads_or_rejects_every_sslmode() {
        let base = "postgres://u:p@h/d?application_name=a%20b&sslmode=";
        assert_eq!(tls("postgres://u@h/d"), Ok(TlsMode::Prefer));
        assert_eq!(tls(&format!("{base}disable")), Ok(TlsMode::Disable));
        assert_eq!(tls(&format!("{base}require")), Ok(TlsMode::Require));
        assert!(
            tls(&format!("{base}verify-ca")).is_err(),
            "a certificate of any public authority for any name"
        );
        assert_eq!(tls("postgres://u@h/d?sslrootcert=system"), Ok(TlsMode::VerifyFull(None)));
        assert!(tls(&format!("{base}require&sslrootcert=system")).is_err());
        assert_eq!(
            tls(&format!("{base}verify-full&sslrootcert=/ca.pem")),
            Ok(TlsMode::VerifyFull(Some("/ca.pem".into())))
        );
        assert_eq!(
            tls(&format!("{base}require&sslrootcert=/ca.pem")),
            Ok(TlsMode::VerifyCa("/ca.pem".into()))
        );
        for rejected in ["allow", "", "VERIFY-FULL", "on"] {
            assert!(tls(&format!("{base}{rejected}")).is_err(), "{rejected}");
        }
    }

    #[test]
    fn parse_takes_a_plus_literally() {
        let url: DatabaseUrl =
            "postgres://u:a+b@h/d?sslmode=disable&application_name=c+d%20e".parse().unwrap();
        let Location::Postgres(location) = url.0 else { panic!("not PostgreSQL") };
        assert_eq!(location.config.get_password(), Some(&b"a+b"[..]));
        assert_eq!(location.config.get_application_name(), Some("c+d e"));
    }

    #[test]
    fn debug_display_and_errors_leave_the_password_out() {
        let url: DatabaseUrl = "postgres://u:canary@h/d".parse().unwrap();
        assert!(!format!("{url:?} {url}").contains("canary"));
        for broken in
            ["postgres://u:canary@", "mysql://u:canary@h/d", "postgres://u:canary@h/d?sslmode=canary"]
        {
            assert!(!broken.parse::<DatabaseUrl>().unwrap_err().to_string().contains("canary"));
        }
    }

    #[test]
    fn parse_rejects_texts_that_name_no_database() {
        for text in
            ["", "sqlite://", "sqlite://:memory:", "sqlite://a?mode=memory", "sqlite:a", "sqlite://dir/"]
        {
            assert!(text.parse::<DatabaseUrl>().is_err(), "{text:?}");
        }
        for text in ["postgres://", "postgres:///", "postgres://h", "postgres://h/d?nonsense=1", "http://h/d"]
        {
            assert!(text.parse::<DatabaseUrl>().is_err(), "{text:?}");
        }
    }
}
