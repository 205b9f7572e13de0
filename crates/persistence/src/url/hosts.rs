//! The hosts of a PostgreSQL URL.

use std::net::IpAddr;
use std::path::Path;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::error::{UrlError, fail};
use super::tls::TlsMode;
use super::uri::Parameters;

/// The folders of the server's Unix socket. Debian's libpq uses the first, and PostgreSQL's own the
/// second.
const SOCKET_FOLDERS: [&str; 2] = ["/var/run/postgresql", "/tmp"];

const DEFAULT_PORT: u16 = 5432;

/// Takes the hosts, addresses and ports, and adds them to the configuration.
///
/// # Errors
///
/// If libpq rejects them, or the driver cannot connect to one of them.
pub(super) fn take(parameters: &mut Parameters, tls: &TlsMode, config: &mut Config) -> Result<(), UrlError> {
    let hosts = list(parameters.take("host")?);
    let addresses = list(parameters.take("hostaddr")?);
    let ports = list(parameters.take("port")?);
    let count = hosts.len().max(addresses.len()).max(1);
    for address in &addresses {
        match address.parse::<IpAddr>() {
            Ok(address) => config.hostaddr(address),
            Err(_) => return fail("has a hostaddr that is not an IP address"),
        };
    }
    if hosts.is_empty() && !addresses.is_empty() {
        if matches!(tls, TlsMode::VerifyFull(_)) {
            return fail("has hostaddr without host, so sslmode=verify-full has no name to verify");
        }
        for address in &addresses {
            config.host(address);
        }
    } else if hosts.is_empty() {
        config.host_path(socket_folder());
    }
    for host in &hosts {
        add_host(host, config)?;
    }
    if !addresses.is_empty() && config.get_hosts().iter().any(is_socket) {
        return fail("has both hostaddr and the folder of a socket");
    }
    if !addresses.is_empty() && addresses.len() != config.get_hosts().len() {
        return fail("has another number of hostaddr than of hosts");
    }
    match ports.len() {
        0 => {}
        length if length == 1 || length == count => {
            for text in &ports {
                config.port(port(text)?);
            }
        }
        _ => return fail("has another number of ports than of hosts"),
    }
    Ok(())
}

fn list(text: Option<String>) -> Vec<String> {
    let text = text.filter(|text| !text.is_empty());
    text.map(|text| text.split(',').map(str::to_owned).collect()).unwrap_or_default()
}

fn add_host(host: &str, config: &mut Config) -> Result<(), UrlError> {
    let is_allowed = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
    if host.is_empty() {
        config.host_path(socket_folder());
    } else if host.starts_with('/') {
        config.host_path(host);
    } else if host.starts_with('@') {
        return fail("has a host that begins with @: abstract sockets are not supported");
    } else if let Some(other) = host.chars().find(|c| !is_allowed(*c)) {
        return fail(format!(
            "has the character {other} in a host: percent-encode special characters of the password"
        ));
    } else {
        config.host(host);
    }
    Ok(())
}

fn port(text: &str) -> Result<u16, UrlError> {
    if text.is_empty() {
        return Ok(DEFAULT_PORT);
    }
    match text.parse() {
        Ok(port) if port > 0 && text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(port),
        _ => fail(
            "has a port that is not a number from 1 to 65535: percent-encode special characters of \
             the password, and write an IPv6 address in brackets",
        ),
    }
}

fn socket_folder() -> &'static str {
    if Path::new(SOCKET_FOLDERS[0]).is_dir() { SOCKET_FOLDERS[0] } else { SOCKET_FOLDERS[1] }
}

/// Returns a configuration for each host. `session` has no hosts, and `config` has all of them.
///
/// The connector tries the hosts itself. The driver would try the next one after every error, also
/// after a wrong password or without the required TLS. libpq does so only if a host cannot be
/// reached.
pub(super) fn each(session: &Config, config: &Config) -> Vec<Config> {
    let ports = config.get_ports();
    let one = |(index, host): (usize, &Host)| {
        let mut one = session.clone();
        match host {
            Host::Tcp(name) => one.host(name),
            // libpq never uses TLS on a Unix socket, because its bytes do not leave the machine.
            Host::Unix(folder) => one.host_path(folder).ssl_mode(SslMode::Disable),
        };
        if let Some(address) = config.get_hostaddrs().get(index) {
            one.hostaddr(*address);
        }
        one.port(ports.get(index).or(ports.first()).copied().unwrap_or(DEFAULT_PORT));
        one
    };
    config.get_hosts().iter().enumerate().map(one).collect()
}

/// Returns true for the folder of a Unix socket.
pub(super) fn is_socket(host: &Host) -> bool {
    matches!(host, Host::Unix(_))
}
