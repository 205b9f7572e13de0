//! The address of a client behind proxies.
//!
//! Own code, since no maintained library reads `X-Forwarded-For` against a list of trusted networks
//! without a web framework.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use ipnet::IpNet;

use crate::ParseError;

/// The proxies whose `X-Forwarded-For` is trusted. By default there are none.
///
/// The text form is a list of addresses and networks, separated by commas: `10.0.0.0/8,
/// 2001:db8::1`.
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
    /// [`ParseError::Network`] with the first invalid part.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let network = |part: &str| {
            let address = part.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
            address.or_else(|_| part.parse::<IpNet>()).map_err(|_| ParseError::Network(part.to_owned()))
        };
        parts.map(network).collect::<Result<_, _>>().map(Self)
    }
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
        for text in ["10.0.0.0/33", "localhost", "10.0.0.1 10.0.0.2", "*"] {
            let error = format!("10.0.0.1,{text}").parse::<TrustedProxies>().unwrap_err();
            assert!(error.to_string().contains(text));
        }
    }
}
