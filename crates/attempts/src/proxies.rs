//! The address of a client behind proxies.
//!
//! Own code, since no maintained library reads `X-Forwarded-For` against a list of trusted networks
//! without a web framework.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::ParseError;

/// The proxies whose `X-Forwarded-For` is trusted. By default there are none.
///
/// The text form is a list of addresses and networks, separated by commas: `10.0.0.0/8,
/// 2001:db8::1`. The bits of a network behind its prefix are ignored, so `10.1.2.3/8` is
/// `10.0.0.0/8`. An IPv4-mapped network such as `::ffff:10.0.0.0/104` is the IPv4 network.
///
/// A network that a proxy shares with clients cannot be trusted, since any client in it could send
/// the header. The text is therefore rejected if it trusts a network larger than an IPv4 /8 or an
/// IPv6 /16, even as several adjacent parts. Private IPv6 networks may be larger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Returns the client of a request that came over a connection from `peer`.
    ///
    /// `forwarded` has the values of every `X-Forwarded-For` header, in the order of the headers.
    /// It is read only if the peer is a trusted proxy.
    ///
    /// Each proxy appends the address of its own peer. The list is therefore read from its end, as
    /// long as the address is a trusted proxy. The client can write any entries before the first
    /// untrusted address, so they are ignored.
    pub fn client<'a>(&self, peer: IpAddr, forwarded: impl IntoIterator<Item = &'a [u8]>) -> IpAddr {
        let mut client = peer.to_canonical();
        if !self.contains(client) {
            return client;
        }
        let values: Vec<&[u8]> = forwarded.into_iter().collect();
        let hops = values.iter().rev().flat_map(|value| value.rsplit(|byte| *byte == b','));
        for hop in hops {
            // Entries before an unreadable one cannot be trusted.
            let Some(address) = str::from_utf8(hop).ok().and_then(address_of) else { break };
            client = address;
            if !self.contains(client) {
                break;
            }
        }
        client
    }

    /// Returns true if this is the address of a trusted proxy.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl FromStr for TrustedProxies {
    type Err = ParseError;

    /// # Errors
    ///
    /// [`ParseError::Network`] with the first invalid part. `0.0.0.0` and `::` are invalid too,
    /// because no proxy has them. [`ParseError::NetworkTooLarge`] for a network that contains
    /// clients.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let parse = |part: &str| network_of(part).ok_or_else(|| ParseError::Network(part.to_owned()));
        let networks = parts.map(parse).collect::<Result<_, _>>()?;
        // Two adjacent halves are one network, so they are judged as one.
        let networks = IpNet::aggregate(&networks);
        match networks.iter().find(|network| is_too_large(network)) {
            Some(network) => Err(ParseError::NetworkTooLarge(network.to_string())),
            None => Ok(Self(networks)),
        }
    }
}

/// IANA allocates IPv4 in /8, and `10.0.0.0/8` is the largest private network (RFC 1918).
const IPV4_PREFIX_MIN: u8 = 8;
/// Registries allocate at most an IPv6 /16 to one organization.
const IPV6_PREFIX_MIN: u8 = 16;

/// Parses an address or a network.
fn network_of(part: &str) -> Option<IpNet> {
    let address = part.parse::<IpAddr>().ok().filter(|address| !address.to_canonical().is_unspecified());
    let network = address.map(IpNet::from).or_else(|| part.parse().ok())?;
    Some(canonical(network.trunc()))
}

/// Returns the IPv4 network that an IPv4-mapped network stands for, and any other one unchanged.
fn canonical(network: IpNet) -> IpNet {
    let mapped = match network {
        IpNet::V6(network) => network.addr().to_ipv4_mapped().zip(network.prefix_len().checked_sub(96)),
        IpNet::V4(_) => None,
    };
    let ipv4 = mapped.and_then(|(address, length)| Ipv4Net::new(address, length).ok());
    ipv4.map_or(network, IpNet::V4)
}

/// True for a network that certainly contains clients.
fn is_too_large(network: &IpNet) -> bool {
    match network {
        IpNet::V4(network) => network.prefix_len() < IPV4_PREFIX_MIN,
        IpNet::V6(network) => {
            let has_all_of_ipv4 = network.contains(&Ipv4Addr::UNSPECIFIED.to_ipv6_mapped());
            has_all_of_ipv4 || (network.prefix_len() < IPV6_PREFIX_MIN && !is_private(network))
        }
    }
}

/// True for networks of unique local (RFC 4193) and link-local addresses (RFC 4291, section 2.5.6).
fn is_private(network: &Ipv6Net) -> bool {
    let ends = [network.network(), network.broadcast()];
    ends.iter().all(Ipv6Addr::is_unique_local) || ends.iter().all(Ipv6Addr::is_unicast_link_local)
}

/// Parses an address. Some proxies append the port.
fn address_of(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let bare = hop.parse::<IpAddr>().ok();
    let with_port = || hop.parse::<SocketAddr>().ok().map(|address| address.ip());
    let in_brackets = || hop.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    bare.or_else(with_port).or_else(in_brackets).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: &str = "10.0.0.1";

    fn client(trusted: &str, peer: &str, forwarded: &[&str]) -> String {
        let proxies: TrustedProxies = trusted.parse().unwrap();
        let values = forwarded.iter().map(|value| value.as_bytes());
        proxies.client(peer.parse().unwrap(), values).to_string()
    }

    #[test]
    fn client_is_the_peer_without_trusted_proxies() {
        for forwarded in ["1.2.3.4", "127.0.0.1", "10.0.0.1, 1.2.3.4"] {
            assert_eq!(client("", PEER, &[forwarded]), PEER);
            assert_eq!(client("192.0.2.0/24", PEER, &[forwarded]), PEER);
        }
        assert_eq!(client("", "::ffff:192.0.2.7", &[]), "192.0.2.7");
    }

    #[test]
    fn client_ignores_entries_before_its_own_address() {
        for spoofed in [
            "",
            "1.1.1.1",
            "1.1.1.1, 2.2.2.2",
            "10.0.0.9",
            "127.0.0.1",
            "unknown",
            "::1",
            "\"'",
            "203.0.113.9, 10.0.0.7",
            "1.1.1.1,,,",
            "_hidden",
            "[::1]:1",
            ",",
            "1.1.1.\u{e9}",
        ] {
            let chain = format!("{spoofed}, 203.0.113.9");
            assert_eq!(client("10.0.0.0/8", PEER, &[&chain]), "203.0.113.9", "{chain}");
            assert_eq!(client("10.0.0.0/8", PEER, &[spoofed, "203.0.113.9"]), "203.0.113.9", "{spoofed}");
            let chain = format!("{chain}, 10.0.0.2 ,10.1.2.3");
            assert_eq!(client("10.0.0.0/8", PEER, &[&chain]), "203.0.113.9", "{chain}");
        }
    }

    #[test]
    fn client_reads_hops_with_ports_and_brackets() {
        for (hop, address) in [
            ("203.0.113.9:4711", "203.0.113.9"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("[2001:db8::7]:4711", "2001:db8::7"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
        ] {
            assert_eq!(client("10.0.0.1", PEER, &[hop]), address);
        }
        assert_eq!(client("10.0.0.1", PEER, &["1.2.3.4, garbage"]), PEER, "an unreadable hop");
        assert_eq!(client("10.0.0.1", PEER, &[]), PEER);
        assert_eq!(
            client("10.0.0.0/8, ::1", PEER, &["10.0.0.5, 10.0.0.6"]),
            "10.0.0.5",
            "all hops are trusted"
        );
        assert_eq!(client("10.0.0.1", "::ffff:10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
    }

    #[test]
    fn parse_names_the_invalid_part() {
        for text in [
            "10.0.0.0/33",
            "localhost",
            "10.0.0.1 10.0.0.2",
            "*",
            "10.0.0.1:8080",
            "[2001:db8::1]",
            "[2001:db8::1]:8080",
            "fe80::1%eth0",
            "fe80::%eth0/64",
            "10.0.0.0/255.0.0.0",
            "0.0.0.0",
            "::",
            "::ffff:0.0.0.0",
        ] {
            let error = format!("10.0.0.1,{text}").parse::<TrustedProxies>().unwrap_err();
            assert_eq!(error, ParseError::Network(text.to_owned()));
            assert!(error.to_string().contains(text));
        }
    }

    #[test]
    fn parse_rejects_networks_that_contain_clients() {
        let all_slash_8: Vec<String> = (0..=255).map(|first| format!("{first}.0.0.0/8")).collect();
        for (text, network) in [
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::/0", "::/0"),
            ("10.0.0.1, 203.0.113.9/0", "0.0.0.0/0"),
            ("0.0.0.0/1,128.0.0.0/1", "0.0.0.0/0"),
            ("128.0.0.0/2,::1,0.0.0.0/1,192.0.0.0/2", "0.0.0.0/0"),
            (&all_slash_8.join(","), "0.0.0.0/0"),
            ("::/1,8000::/1", "::/0"),
            ("10.0.0.0/7", "10.0.0.0/7"),
            ("2000::/3", "2000::/3"),
            ("2001::/15", "2000::/15"),
            // Larger than the private networks in them.
            ("fc00::/6", "fc00::/6"),
            ("fe80::/9", "fe80::/9"),
            // All of IPv4, as mapped addresses.
            ("::ffff:0:0/96", "0.0.0.0/0"),
            ("::ffff:128.0.0.0/97, ::ffff:0.0.0.0/97", "0.0.0.0/0"),
            ("::ffff:0:0/95", "::fffe:0:0/95"),
            ("::/64", "::/64"),
            ("::ffff:10.0.0.0/103", "10.0.0.0/7"),
        ] {
            let parsed = text.parse::<TrustedProxies>();
            assert_eq!(parsed, Err(ParseError::NetworkTooLarge(network.to_owned())), "{text}");
        }
    }

    #[test]
    fn parse_accepts_private_networks_and_networks_of_one_organization() {
        for (text, inside, outside) in [
            ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
            ("10.1.2.3/8", "10.0.0.0", "11.0.0.0"),
            ("203.0.113.9/24", "203.0.113.1", "203.0.114.1"),
            ("192.0.2.0/25,192.0.2.128/25", "192.0.2.200", "192.0.3.0"),
            ("fc00::/7", "fdff::1", "fe00::1"),
            ("fc00::/8,fd00::/8", "fdff::1", "fe00::1"),
            ("fe80::/10", "fe80::1", "fec0::1"),
            ("2630::/16", "2630::1", "2631::1"),
            ("2001:db8::7/64", "2001:db8::1", "2001:db8:0:1::1"),
        ] {
            let proxies: TrustedProxies = text.parse().unwrap();
            let contains = |address: &str| proxies.contains(address.parse().unwrap());
            assert_eq!((contains(inside), contains(outside)), (true, false), "{text}");
        }
    }

    #[test]
    fn mapped_networks_are_ipv4_networks() {
        for text in ["::ffff:10.0.0.0/104", "::ffff:10.9.9.9/104", "::ffff:a00:1", "::ffff:10.0.0.1/128"] {
            for peer in [PEER, "::ffff:10.0.0.1"] {
                assert_eq!(client(text, peer, &["203.0.113.9"]), "203.0.113.9", "{text} {peer}");
            }
            assert_eq!(client(text, "11.0.0.1", &["203.0.113.9"]), "11.0.0.1", "{text}");
        }
    }
}
