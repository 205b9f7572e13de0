//! Forms of URLs that other programs read, and what to write instead.

/// The parameters that libpq knows, in PostgreSQL 18.
const LIBPQ: [&str; 53] = [
    "application_name",
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "dbname",
    "fallback_application_name",
    "gssdelegation",
    "gssencmode",
    "gsslib",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "max_protocol_version",
    "min_protocol_version",
    "oauth_client_id",
    "oauth_client_secret",
    "oauth_issuer",
    "oauth_scope",
    "options",
    "passfile",
    "password",
    "port",
    "replication",
    "require_auth",
    "requirepeer",
    "requiressl",
    "scram_client_key",
    "scram_server_key",
    "service",
    "servicefile",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcert",
    "sslcertmode",
    "sslcompression",
    "sslcrl",
    "sslcrldir",
    "sslkey",
    "sslkeylogfile",
    "sslmode",
    "sslnegotiation",
    "sslpassword",
    "sslrootcert",
    "sslsni",
    "target_session_attrs",
    "tcp_user_timeout",
    "tty",
    "user",
];

/// Parameters of other clients, in lower case, and what to do instead. Among the clients are
/// Prisma, SQLAlchemy, asyncpg, psycopg, Django, JDBC, Npgsql, node-postgres and pgx.
const FOREIGN: &[(&[&str], &str)] = &[
    (
        &["schema", "schemas", "currentschema", "search_path", "searchpath"],
        "remove it, or name the schema with options=-c%20search_path%3Dname",
    ),
    (
        &["pgbouncer", "pool_mode", "supa", "workaround"],
        "remove it: the service works behind a pooler without it, unless the pooler is in its \
         statement mode",
    ),
    (
        &[
            "connection_limit",
            "pool_size",
            "pool_timeout",
            "pool_max_conns",
            "pool_min_conns",
            "max_overflow",
            "max_connections",
            "min_size",
            "max_size",
            "maxpoolsize",
            "minpoolsize",
            "pool",
            "pooling",
            "conn_max_age",
        ],
        "remove it: the service has a pool of a fixed size",
    ),
    (
        &[
            "prepared_statement_cache_size",
            "statement_cache_size",
            "prepared_statement_name_func",
            "preparethreshold",
            "statement_cache_capacity",
            "statement_cache_mode",
            "default_query_exec_mode",
            "prepared_statements",
            "simple_protocol",
            "prefer_simple_protocol",
        ],
        "remove it: the service decides which statements it prepares",
    ),
    (
        &["timeout", "connecttimeout", "logintimeout", "connection_timeout", "connectiontimeout"],
        "write connect_timeout, in seconds",
    ),
    (
        &["socket_timeout", "sockettimeout", "command_timeout", "statement_timeout", "query_timeout"],
        "remove it, or set the timeout with options=-c%20statement_timeout%3D4000",
    ),
    (
        &["ssl", "tls", "sslaccept", "ssl_mode", "ssl-mode", "usessl", "require_ssl", "uselibpqcompat"],
        "write sslmode=verify-full, or sslmode=require",
    ),
    (
        &["sslidentity", "ssl_ca", "sslca", "ca", "sslrootcertificate", "rootcertificate"],
        "write sslrootcert with the path of the server's root certificate",
    ),
    (&["username", "uid"], "write user"),
    (&["pwd", "pass"], "write password"),
    (&["database", "db"], "write dbname"),
    (&["server", "hostname"], "write host"),
    (&["applicationname", "application-name", "app_name"], "write application_name"),
    (&["charset", "encoding", "characterencoding", "useunicode"], "remove it: the encoding is UTF-8"),
    (&["timezone", "time_zone"], "remove it: the service uses UTC"),
    (&["server_settings"], "write options, as in options=-c%20search_path%3Dname"),
    (&["targetservertype"], "write target_session_attrs"),
    (&["loadbalancehosts"], "write load_balance_hosts=random"),
    (&["tcpkeepalive"], "write keepalives=1"),
];

/// The longest name that a message repeats: a longer one is no parameter.
const NAME_MAX: usize = 40;

/// Returns true if libpq accepts a parameter of this name.
pub(super) fn is_libpq(name: &str) -> bool {
    LIBPQ.binary_search(&name).is_ok()
}

/// Returns the sentence for a parameter that libpq does not know.
pub(super) fn parameter(name: &str) -> String {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if name.is_empty() || name.len() > NAME_MAX || !name.bytes().all(is_word) {
        return "has a parameter that PostgreSQL does not know".to_owned();
    }
    let lower = name.to_ascii_lowercase();
    if is_libpq(&lower) {
        return format!("has a parameter {name}: write {lower}");
    }
    match FOREIGN.iter().find(|(names, _)| names.contains(&lower.as_str())) {
        Some((_, advice)) => format!("has a parameter {name} of another program: {advice}"),
        None => format!("has a parameter {name}, which PostgreSQL does not know"),
    }
}

/// Returns the sentence for a URL with another scheme.
pub(super) fn scheme(text: &str) -> String {
    let plain = "must begin with sqlite://, postgres:// or postgresql://";
    let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
    let (dialect, driver) = scheme.split_once('+').unwrap_or((scheme, ""));
    let own = "the service needs an empty database of its own, not that of the old service";
    match dialect.to_ascii_lowercase().as_str() {
        "postgres" | "postgresql" if is_driver(driver) => {
            format!("must begin with postgres:// or postgresql://, not with {scheme}://; {own}")
        }
        "sqlite" | "sqlite3" if is_driver(driver) => {
            format!("must begin with sqlite:// and the path of a file, not with {scheme}://; {own}")
        }
        _ if text.starts_with(['"', '\'']) => format!("{plain}, without quotes"),
        _ => plain.to_owned(),
    }
}

/// Returns true for the name of a driver, or for none if only the case of the scheme is wrong.
fn is_driver(name: &str) -> bool {
    name.len() <= NAME_MAX && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_libpq_are_sorted_for_the_binary_search() {
        assert!(LIBPQ.is_sorted());
    }
}
