//! `daybook healthcheck`: requests `/health/ready` of the running service and prints the response.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use crate::failure::Failure;

/// Less than the usual interval of container health checks.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);

pub(super) async fn run(bind: SocketAddr) -> Result<ExitCode, Failure> {
    let client = reqwest::Client::builder().timeout(REQUEST_TIMEOUT).no_proxy().build()?;
    let url = format!("http://{}/health/ready", reachable(bind));
    let response = client.get(url).send().await?;
    let status = response.status();
    println!("{}", response.text().await?);
    Ok(if status.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A server that listens on every address is called on the loopback address.
fn reachable(mut bind: SocketAddr) -> SocketAddr {
    match bind.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => bind.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => bind.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    bind
}
