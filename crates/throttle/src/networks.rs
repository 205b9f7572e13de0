//! Concurrency limits of client networks.

use std::net::IpAddr;

use crate::{Concurrency, Full, Permit, SITE_FACTOR, network_of, site_of};

/// Limits how much the clients of each network may hold at once, and all clients together. Clones
/// share the permits.
///
/// A network is an IPv4 address or an IPv6 /56. The networks of an IPv6 /48 together have four
/// times the limit of one, but at most half of the total, or the limit of one if that is more.
#[derive(Debug, Clone)]
pub struct NetworkConcurrency {
    networks: Concurrency<IpAddr>,
    sites: Concurrency<IpAddr>,
    total: Concurrency<()>,
}

/// What a client holds. Dropping the permit gives it back.
#[derive(Debug)]
#[must_use = "dropping the permit gives it back"]
pub struct NetworkPermit {
    _total: Permit<()>,
    _network: Option<Permit<IpAddr>>,
    _site: Option<Permit<IpAddr>>,
}

impl NetworkConcurrency {
    /// Returns limits of `per_network` units for each network and `total` for all together.
    /// `usize::MAX` means unlimited.
    #[must_use]
    pub fn new(per_network: usize, total: usize) -> Self {
        let per_site = per_network.saturating_mul(usize::from(SITE_FACTOR)).min(total / 2).max(per_network);
        Self {
            networks: Concurrency::new(per_network, usize::MAX),
            sites: Concurrency::new(per_site, usize::MAX),
            total: Concurrency::new(total, total),
        }
    }

    /// Returns a permit for a client. Never waits for one.
    ///
    /// # Errors
    ///
    /// [`Full::Key`] with its limit if the network or the site of the client has reached it.
    /// [`Full::Total`] if all clients together have reached theirs.
    pub fn try_acquire(&self, client: IpAddr) -> Result<NetworkPermit, Full> {
        self.try_acquire_many(client, 1)
    }

    /// Returns one permit for several units, for example bytes of memory. Never waits for it.
    ///
    /// # Errors
    ///
    /// As for [`try_acquire`](Self::try_acquire), if the units would exceed a limit.
    pub fn try_acquire_many(&self, client: IpAddr, units: usize) -> Result<NetworkPermit, Full> {
        let network = self.networks.try_acquire_many(network_of(client), units)?;
        let site = site_of(client).map(|site| self.sites.try_acquire_many(site, units)).transpose()?;
        let total = self.total.try_acquire_many((), units).map_err(|_| Full::Total)?;
        Ok(NetworkPermit { _total: total, _network: Some(network), _site: site })
    }

    /// Returns a permit for a connection that carries the requests of many clients, such as one of
    /// a proxy. Only the total limit holds for it.
    ///
    /// # Errors
    ///
    /// [`Full::Total`] if all clients together have reached the total limit.
    pub fn try_acquire_exempt(&self) -> Result<NetworkPermit, Full> {
        let total = self.total.try_acquire(()).map_err(|_| Full::Total)?;
        Ok(NetworkPermit { _total: total, _network: None, _site: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn try_acquire_limits_the_networks_of_a_site_together() {
        let limits = NetworkConcurrency::new(2, 100);
        let network = |number: u8| client(&format!("2001:db8:1:{number:x}00::1"));
        let held: Vec<_> =
            (0..4).flat_map(|number| [network(number); 2].map(|client| limits.try_acquire(client))).collect();
        assert!(held.iter().all(Result::is_ok));
        assert_eq!(limits.try_acquire(client("2001:db8:1:ff::1")).err(), Some(Full::Key(2)), "the /56");
        assert_eq!(limits.try_acquire(network(9)).err(), Some(Full::Key(8)), "the /48");
        assert!(limits.try_acquire(client("2001:db8:2::1")).is_ok(), "another /48");
        drop(held);
        assert!(limits.try_acquire(network(9)).is_ok());
    }

    #[test]
    fn try_acquire_gives_the_site_back_if_the_network_or_the_total_is_full() {
        let limits = NetworkConcurrency::new(1, 2);
        let held = limits.try_acquire(client("2001:db8::1")).unwrap();
        for _ in 0..10 {
            assert_eq!(limits.try_acquire(client("2001:db8::2")).err(), Some(Full::Key(1)));
        }
        drop(held);
        assert!(limits.try_acquire(client("2001:db8::2")).is_ok());
    }

    #[test]
    fn a_site_has_at_most_half_of_the_total() {
        let limits = NetworkConcurrency::new(25, 100);
        assert!(limits.try_acquire_many(client("2001:db8::1"), 25).is_ok());
        let held: Vec<_> = (0..2)
            .map(|number| limits.try_acquire_many(client(&format!("2001:db8:0:{number}00::")), 25))
            .collect();
        assert!(held.iter().all(Result::is_ok));
        assert_eq!(limits.try_acquire(client("2001:db8:0:900::")).err(), Some(Full::Key(50)));
    }

    #[test]
    fn try_acquire_exempt_has_only_the_total_limit() {
        let limits = NetworkConcurrency::new(1, 4);
        let held: Vec<_> = (1..=4).map(|_| limits.try_acquire_exempt()).collect();
        assert!(held.iter().all(Result::is_ok));
        assert_eq!(limits.try_acquire_exempt().err(), Some(Full::Total));
        assert_eq!(limits.try_acquire(client("192.0.2.1")).err(), Some(Full::Total));
    }
}
