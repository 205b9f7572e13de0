//! The address that a request comes from, with proxies in between.
//!
//! Own code, since no kept library reads `X-Forwarded-For` against a list of trusted networks for
//! actix-web.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The proxies whose `X-Forwarded-For` is trusted. By default there are none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Parses addresses and networks, separated by commas: `10.0.0.0/8, 2001:db8::1`.
    ///
    /// # Errors
    ///
    /// A sentence that names the invalid part.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let network = |part: &str| {
            let address = part.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
            address
                .or_else(|_| part.parse::<IpNet>())
                .map_err(|_| format!("has {part:?}, which is no address or network"))
        };
        parts.map(network).collect::<Result<_, _>>().map(Self)
    }

    fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Returns the client of a request that came over a connection from `peer`.
    ///
    /// Each proxy appends the address of its own peer. So the list is read from its end, as long as
    /// the address is a trusted proxy. Entries before the first untrusted address were written by
    /// the client and mean nothing.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        if !self.contains(client) {
            return client;
        }
        let values: Vec<&[u8]> = headers.get_all(X_FORWARDED_FOR).map(HeaderValue::as_bytes).collect();
        let hops = values.iter().rev().flat_map(|value| value.rsplit(|byte| *byte == b','));
        for hop in hops {
            // Nothing before an unreadable hop can be trusted.
            let Some(address) = str::from_utf8(hop).ok().and_then(address_of) else { break };
            client = address;
            if !self.contains(client) {
                break;
            }
        }
        client
    }
}

/// Parses an address, which some proxies write with its port.
fn address_of(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let bare = hop.parse::<IpAddr>().ok();
    let with_port = || hop.parse::<SocketAddr>().ok().map(|address| address.ip());
    let in_brackets = || hop.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    bare.or_else(with_port).or_else(in_brackets).map(|address| address.to_canonical())
}

/// The network whose clients share a limit: an IPv4 address, or the /64 of an IPv6 address, which
/// is what one customer gets.
pub(crate) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: &str = "10.0.0.1";

    fn client(trusted: &str, peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let proxies = TrustedProxies::parse(trusted).unwrap();
        proxies.client(peer.parse().unwrap(), &headers).to_string()
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
        for text in ["10.0.0.0/33", "localhost", "10.0.0.1 10.0.0.2", "*"] {
            assert!(TrustedProxies::parse(&format!("10.0.0.1,{text}")).unwrap_err().contains(text));
        }
    }

    #[test]
    fn network_of_keeps_64_bits_of_an_ipv6_address() {
        let network = |address: &str| network_of(address.parse().unwrap());
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2::1"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
    }
}
