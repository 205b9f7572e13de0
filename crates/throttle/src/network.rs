//! The network of an address.

use std::net::{IpAddr, Ipv6Addr};

/// Returns the network whose clients share a limit.
///
/// This is the address itself for IPv4, and the /64 for IPv6. A provider gives each customer at
/// least a /64, so a limit for each IPv6 address would be none.
#[must_use]
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::network_of;

    #[test]
    fn network_of_keeps_64_bits_of_an_ipv6_address() {
        let network = |address: &str| network_of(address.parse().unwrap());
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2::1"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
    }
}
