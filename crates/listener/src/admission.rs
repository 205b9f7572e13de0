//! Limits the number of connections, for each network and in total.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use daybook_throttle::{Full, NetworkConcurrency, NetworkPermit};

/// At most this number of refused connections get a response at the same time. Each holds a
/// descriptor for up to a second. Further ones are closed at once.
pub(crate) const REFUSALS_MAX: usize = 128;

/// At most this number of sockets waits to be closed without a response. Otherwise they would wait
/// for the refusals that send one.
pub(crate) const CLOSING_MAX: usize = 64;

/// One in this number of connections may be closed and still have a client to wait for.
/// actix-server does not count these connections, so they need descriptors of their own.
const LINGERING_SHARE: usize = 16;

/// Descriptors of the reserve for such connections. More of them take a part of the connections.
const LINGERING_RESERVE: usize = 40;

/// Descriptors that are not for connections: [`CLOSING_MAX`], [`LINGERING_RESERVE`], and 152 for
/// listeners, databases, logs and other services. A service with some ten worker threads needs
/// fewer.
const RESERVE: usize = 256;

/// The limits of connections.
///
/// A network is an IPv4 address or the /56 of an IPv6 address. The networks of a /48 together have
/// four times the limit of one, but at most half of the total.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// For each network.
    pub per_network: usize,
    /// For all networks together.
    pub total: usize,
}

impl ConnectionLimits {
    /// The default limit for each network.
    pub const PER_NETWORK: usize = 1_024;

    /// Returns the limits for a process that may open this number of files.
    ///
    /// Connections get all of them but a reserve for other files and for refusals. A network gets
    /// at most half of the connections, so one network cannot keep all others out.
    #[must_use]
    pub fn for_open_files(open_files: usize) -> Self {
        let rest = open_files.saturating_sub(RESERVE + REFUSALS_MAX);
        let with_lingering = (rest + LINGERING_RESERVE) / (LINGERING_SHARE + 1) * LINGERING_SHARE;
        let total = rest.min(with_lingering).max(open_files / 4).max(2);
        Self { per_network: Self::PER_NETWORK.min(total / 2), total }
    }

    /// Returns how many connections may be closed and still have a client to wait for.
    pub(crate) fn lingering(self) -> usize {
        (self.total / LINGERING_SHARE).max(1)
    }
}

/// The addresses whose connections have only the total limit, because they carry the requests of
/// many clients. Typical are those of proxies. By default there are none.
#[derive(Clone, Default)]
pub struct IsExempt(Option<Arc<dyn Fn(IpAddr) -> bool + Send + Sync>>);

impl IsExempt {
    /// Exempts the addresses for which `is_exempt` returns true. An IPv4 address that is mapped to
    /// IPv6 is passed as IPv4.
    pub fn new(is_exempt: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(is_exempt)))
    }

    fn contains(&self, address: IpAddr) -> bool {
        self.0.as_ref().is_some_and(|is_exempt| is_exempt(address))
    }
}

/// The permit of a connection.
pub(crate) type Admitted = NetworkPermit;

/// Admits connections up to the limits. Clones share the counts.
#[derive(Clone)]
pub(crate) struct Admission {
    connections: NetworkConcurrency,
    is_exempt: IsExempt,
}

impl Admission {
    pub(crate) fn new(limits: ConnectionLimits, is_exempt: IsExempt) -> Self {
        Self { connections: NetworkConcurrency::new(limits.per_network, limits.total), is_exempt }
    }

    /// Returns the permit of a connection from this peer.
    pub(crate) fn admit(&self, peer: SocketAddr) -> Result<Admitted, Full> {
        let address = peer.ip().to_canonical();
        match self.is_exempt.contains(address) {
            true => self.connections.try_acquire_exempt(),
            false => self.connections.try_acquire(address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn for_open_files_keeps_a_reserve_and_half_of_the_connections_for_others() {
        for (open_files, per_network, total) in
            [(16, 2, 4), (256, 32, 64), (1_024, 320, 640), (4_096, 1_024, 3520), (1 << 20, 1_024, 986_560)]
        {
            let limits = ConnectionLimits::for_open_files(open_files);
            assert_eq!(limits, ConnectionLimits { per_network, total }, "{open_files}");
            let most = limits.total + REFUSALS_MAX + CLOSING_MAX + limits.lingering();
            assert!(open_files < 1_024 || most + 152 <= open_files, "{open_files}: {most}");
        }
        let lingering = |total| ConnectionLimits { per_network: 1, total }.lingering();
        assert_eq!((lingering(2), lingering(3_520)), (1, 220));
    }

    #[test]
    fn admit_limits_networks_and_the_total_and_exempts_proxies() {
        let is_exempt = IsExempt::new(|address| address == IpAddr::from([10, 0, 0, 1]));
        let admission = Admission::new(ConnectionLimits { per_network: 2, total: 6 }, is_exempt);
        let admit = |peer: &str| admission.admit(peer.parse().unwrap());
        let (one, two) = (admit("192.0.2.1:1").unwrap(), admit("[::ffff:192.0.2.1]:2").unwrap());
        assert_eq!(admit("192.0.2.1:3").err(), Some(Full::Key(2)));
        let _six = [admit("[2001:db8::1]:1").unwrap(), admit("[2001:db8::2:3]:1").unwrap()];
        assert_eq!(admit("[2001:db8::4]:1").err(), Some(Full::Key(2)));
        drop((one, two));
        let _proxy: Vec<_> = (1..=4).map(|port| admit(&format!("10.0.0.1:{port}")).unwrap()).collect();
        assert_eq!(admit("10.0.0.1:5").err(), Some(Full::Total));
        assert_eq!(admit("192.0.2.9:1").err(), Some(Full::Total));
    }
}
