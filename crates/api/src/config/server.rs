//! Where the service listens, which proxies are in front of it, and the path that they strip.

use std::net::SocketAddr;
use std::num::NonZero;
use std::thread::available_parallelism;

use daybook_attempts::TrustedProxies;

use super::environment::Environment;
use super::error::ConfigError;
use super::number::number;
use super::reader::SettingReader;
use super::settings;
use crate::root_path;

/// The largest limit of open connections. It is more than a machine has ports or memory for.
const CONNECTIONS: usize = 1_000_000;

#[derive(Debug, Clone)]
pub(crate) struct ServerConfig {
    pub(crate) bind: SocketAddr,
    /// Threads that serve HTTP.
    pub(crate) workers: usize,
    /// Connections of all clients. `None` leaves it to the limit of open files.
    pub(crate) max_connections: Option<usize>,
    pub(crate) max_connections_per_address: Option<usize>,
    pub(crate) trusted_proxies: TrustedProxies,
    /// Without a slash at its end. Empty if no proxy strips a path.
    pub(crate) root_path: String,
}

impl ServerConfig {
    pub(super) fn read(reader: &mut SettingReader<'_>) -> Option<Self> {
        let bind = reader.read(&settings::BIND, address);
        let workers = reader.read(&settings::WORKERS, |text| number(text, 1..=512));
        let max_connections = reader.read(&settings::MAX_CONNECTIONS, |text| number(text, 2..=CONNECTIONS));
        let per_address =
            reader.read(&settings::MAX_CONNECTIONS_PER_ADDRESS, |text| number(text, 1..=CONNECTIONS));
        let trusted_proxies = reader.read(&settings::TRUSTED_PROXIES, str::parse::<TrustedProxies>);
        let trusted_proxies = trusted_proxies.unwrap_or_default();
        let root_path = reader.read(&settings::ROOT_PATH, |text| root_path::parse(text).map(str::to_owned));
        let is_reachable = bind.is_some_and(|address| !address.ip().to_canonical().is_loopback());
        if is_reachable && trusted_proxies == TrustedProxies::default() {
            reader.warn(
                "DAYBOOK_BIND accepts connections of other machines, and DAYBOOK_TRUSTED_PROXIES is not set: \
                 behind a proxy, all clients share the limits of the proxy's address",
            );
        }
        Some(Self {
            bind: bind?,
            workers: workers.unwrap_or_else(|| available_parallelism().map_or(1, NonZero::get)),
            max_connections,
            max_connections_per_address: per_address,
            trusted_proxies,
            root_path: root_path.unwrap_or_default(),
        })
    }
}

/// Reads `DAYBOOK_BIND` alone, for a command that calls a running service.
///
/// # Errors
///
/// When it is not an address.
pub(crate) fn bind_address(environment: &Environment) -> Result<SocketAddr, ConfigError> {
    let mut reader = SettingReader::new(environment);
    let bind = reader.read(&settings::BIND, address);
    bind.ok_or_else(|| ConfigError(reader.finish().0))
}

fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "must be an IP address and a port, like 127.0.0.1:8080 or [::]:8080")
}
