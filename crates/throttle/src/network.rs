//! The networks of an address. A limit for each IPv6 address would be none, because a client has
//! at least 2^64 of them.

use std::net::{IpAddr, Ipv6Addr};

/// Returns the network whose clients share a limit: the address itself for IPv4, and the /56 for
/// IPv6.
///
/// Providers give a home a /56 or a /48, and a server at least a /64 (RFC 6177, section 2). Use
/// [`site_of`] as well, so that a customer with a /48 does not have 256 times the limit.
#[must_use]
pub fn network_of(address: IpAddr) -> IpAddr {
    prefix(address, 56)
}

/// Returns the site of an IPv6 address, which is its /48. Its networks together should have
/// [`SITE_FACTOR`] times the limit of one. IPv4 has no sites.
#[must_use]
pub fn site_of(address: IpAddr) -> Option<IpAddr> {
    let site = prefix(address, 48);
    site.is_ipv6().then_some(site)
}

/// The networks of a site together should have this many times the limit of one.
///
/// A client with a /48 has 256 networks, so the factor must be far below that. A campus with a /48
/// has many clients, and with IPv4 it would have a few addresses.
pub const SITE_FACTOR: u8 = 4;

/// Returns the subnet of an address: the address itself for IPv4, and the /64 for IPv6. Its clients
/// are in one local network (RFC 4291, section 2.5.4), so it is the largest network to trust as a
/// whole.
#[must_use]
pub fn subnet_of(address: IpAddr) -> IpAddr {
    prefix(address, 64)
}

/// Sets the bits of an IPv6 address behind the first `length` to zero.
fn prefix(address: IpAddr, length: u32) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let rest = Ipv6Addr::BITS.saturating_sub(length);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> rest << rest))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn ipv6_addresses_have_a_subnet_a_network_and_a_site() {
        let client = address("2001:db8:1:2345:6:7:8:9");
        assert_eq!(subnet_of(client), address("2001:db8:1:2345::"));
        assert_eq!(network_of(client), address("2001:db8:1:2300::"));
        assert_eq!(site_of(client), Some(address("2001:db8:1::")));
    }

    #[test]
    fn ipv4_addresses_are_their_own_networks_even_if_mapped() {
        let client = address("192.0.2.1");
        for form in [client, address("::ffff:192.0.2.1")] {
            assert_eq!((subnet_of(form), network_of(form), site_of(form)), (client, client, None));
        }
    }
}
