//! The parameters of a PostgreSQL URL.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{ChannelBinding, LoadBalanceHosts, TargetSessionAttrs};

use super::error::{UrlError, fail};
use super::location::PostgresLocation;
use super::tls::TlsMode;
use super::uri::{self, Parameters};
use super::{hosts, tls};

/// Connecting takes milliseconds. With this limit, a request that waits for a connection gets a
/// response within two seconds.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1_500);

// These settings detect within seconds that a server has vanished from the network. TCP's default
// is hours.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(5);
const KEEPALIVES_IDLE: Duration = Duration::from_secs(15);

/// Parses the part of a URL after `postgres://`.
pub(super) fn parse(text: &str) -> Result<PostgresLocation, UrlError> {
    let mut parameters = uri::split(text)?;
    let mut session = Config::new();
    let tls = TlsMode::take(&mut parameters)?;
    session.ssl_negotiation(tls::take_negotiation(&mut parameters, &tls)?);
    session.ssl_mode(tls.driver_mode());
    match parameters.take("dbname")?.filter(|name| !name.is_empty()) {
        Some(name) => session.dbname(name),
        None => {
            return fail("names no database: write its name after the host, as in postgres://user@host/name");
        }
    };
    if let Some(password) = parameters.take_bytes("password").filter(|password| !password.is_empty()) {
        session.password(password);
    }
    let timeout = take_timeouts(&mut parameters, &mut session)?;
    take_session(&mut parameters, &mut session)?;
    let mut config = session.clone();
    hosts::take(&mut parameters, &tls, &mut config)?;
    if let Some(key) = parameters.rest() {
        return fail(unsupported(key));
    }
    let hosts = hosts::each(&session, &config);
    // As in libpq, each host has its own timeout.
    let connect_timeout = timeout.saturating_mul(u32::try_from(hosts.len()).unwrap_or(u32::MAX));
    let tls = if config.get_hosts().iter().all(hosts::is_socket) { TlsMode::Disable } else { tls };
    Ok(PostgresLocation { config, hosts, tls, connect_timeout })
}

/// Takes the timeouts and the settings of TCP. Returns the timeout of a connection to one host.
fn take_timeouts(parameters: &mut Parameters, config: &mut Config) -> Result<Duration, UrlError> {
    config.tcp_user_timeout(TCP_USER_TIMEOUT).keepalives_idle(KEEPALIVES_IDLE);
    // In libpq, zero and less mean no limit. This crate always has one.
    let seconds = number::<i32>(parameters, "connect_timeout")?.filter(|seconds| *seconds > 0);
    let for_host =
        seconds.map_or(CONNECT_TIMEOUT, |seconds| Duration::from_secs(u64::from(seconds.unsigned_abs())));
    config.connect_timeout(for_host);
    if let Some(millis) = number(parameters, "tcp_user_timeout")?.filter(|millis| *millis > 0) {
        config.tcp_user_timeout(Duration::from_millis(millis));
    }
    if let Some(keepalives) = number::<i32>(parameters, "keepalives")? {
        config.keepalives(keepalives != 0);
    }
    // Linux accepts at most 32,767 s and 127 probes.
    if let Some(seconds) = number::<u64>(parameters, "keepalives_idle")?.filter(|seconds| *seconds > 0) {
        config.keepalives_idle(Duration::from_secs(seconds.min(32_767)));
    }
    if let Some(seconds) = number::<u64>(parameters, "keepalives_interval")?.filter(|seconds| *seconds > 0) {
        config.keepalives_interval(Duration::from_secs(seconds.min(32_767)));
    }
    if let Some(count) = number::<u32>(parameters, "keepalives_count")?.filter(|count| *count > 0) {
        config.keepalives_retries(count.min(127));
    }
    Ok(for_host)
}

/// Takes the user, and the parameters of the session.
fn take_session(parameters: &mut Parameters, config: &mut Config) -> Result<(), UrlError> {
    if let Some(user) = parameters.take("user")?.filter(|user| !user.is_empty()) {
        config.user(user);
    }
    let fallback = parameters.take("fallback_application_name")?;
    if let Some(name) = parameters.take("application_name")?.or(fallback) {
        config.application_name(name);
    }
    if let Some(options) = parameters.take("options")? {
        config.options(options);
    }
    if let Some(encoding) = parameters.take("client_encoding")?
        && !["utf8", "utf-8", "unicode", "auto"].contains(&encoding.to_ascii_lowercase().as_str())
    {
        return fail("needs a client_encoding of UTF8");
    }
    match parameters.take("target_session_attrs")?.as_deref() {
        None | Some("any") => {}
        Some("read-write") => {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        Some("read-only") => {
            config.target_session_attrs(TargetSessionAttrs::ReadOnly);
        }
        Some(_) => return fail("needs a target_session_attrs of any, read-write or read-only"),
    }
    match parameters.take("channel_binding")?.as_deref() {
        None | Some("prefer") => {}
        Some("disable") => {
            config.channel_binding(ChannelBinding::Disable);
        }
        Some("require") => {
            config.channel_binding(ChannelBinding::Require);
        }
        Some(_) => return fail("needs a channel_binding of disable, prefer or require"),
    }
    match parameters.take("load_balance_hosts")?.as_deref() {
        None | Some("disable") => Ok(()),
        Some("random") => {
            config.load_balance_hosts(LoadBalanceHosts::Random);
            Ok(())
        }
        Some(_) => fail("needs a load_balance_hosts of disable or random"),
    }
}

/// Takes a whole number.
fn number<T: FromStr<Err: Display>>(parameters: &mut Parameters, key: &str) -> Result<Option<T>, UrlError> {
    match parameters.take(key)?.map(|text| text.parse()) {
        None => Ok(None),
        Some(Ok(number)) => Ok(Some(number)),
        Some(Err(_)) => fail(format!("has a {key} that is not a whole number")),
    }
}

/// Returns the sentence for a parameter of libpq that this crate does not support.
fn unsupported(key: &str) -> String {
    let advice = match key {
        "sslcert" | "sslkey" | "sslpassword" => "client certificates are not supported",
        "passfile" | "service" | "servicefile" => "write the values of that file into the URL",
        "replication" => "the service needs an ordinary connection",
        _ => "remove it",
    };
    format!("has a parameter {key} that is not supported: {advice}")
}
