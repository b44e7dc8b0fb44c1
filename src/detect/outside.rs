//! Addresses outside the cluster in a text. Many words have dots and are no hosts (`config.yaml`, `1.2.3`), so only what is
//! written as an address counts: the authority of a URL, and a whole text `name:port`.

use std::net::{IpAddr, Ipv4Addr};

use crate::core::host;

/// Domains that never leave the cluster or the node.
const INSIDE: [&str; 5] = ["svc", "local", "localhost", "internal", "cluster"];

/// Hosts outside the cluster that a text names as addresses, normalised.
pub(super) fn hosts(text: &str) -> impl Iterator<Item = (String, Option<u16>)> {
    let urls = text.match_indices("://").filter_map(move |(i, _)| {
        let has_scheme = text[..i].ends_with(|c: char| c.is_ascii_alphanumeric());
        let rest = &text[i + 3..];
        let end =
            rest.find(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | ',' | '\'' | '"' | '`'));
        has_scheme.then(|| host::of_url(&rest[..end.unwrap_or(rest.len())])).flatten()
    });
    let whole = host::normalise(text.trim()).filter(|(_, port)| port.is_some());
    urls.chain(whole).filter(|(host, _)| is_outside(host))
}

fn is_outside(host: &str) -> bool {
    if let Ok(address) = host.parse::<IpAddr>() {
        return match address {
            IpAddr::V4(v4) => is_public(v4),
            IpAddr::V6(v6) => {
                let local = v6.is_unique_local() || v6.is_unicast_link_local();
                !(v6.is_loopback() || v6.is_unspecified() || v6.is_multicast() || local)
            }
        };
    }
    let Some((_, last)) = host.rsplit_once('.') else { return false };
    !INSIDE.contains(&last) && last.chars().any(|c| c.is_ascii_alphabetic())
}

fn is_public(v4: Ipv4Addr) -> bool {
    let shared = v4.octets()[0] == 100 && v4.octets()[1] & 0b1100_0000 == 64;
    !(v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_unspecified()
        || v4.is_multicast()
        || v4.is_broadcast()
        || shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        hosts(text).map(|(host, _)| host).collect()
    }

    #[test]
    fn an_authority_of_a_url_is_an_address_wherever_it_stands() {
        assert_eq!(read("https://u:p@API.example.com.:443/v1?x=config.yaml"), ["api.example.com"]);
        assert_eq!(
            read("curl 'http://a.example.net' https://b.example.net/x"),
            ["a.example.net", "b.example.net"]
        );
        assert_eq!(read("amqps://203.0.113.7:5671"), ["203.0.113.7"]);
    }

    #[test]
    fn a_name_alone_is_an_address_with_its_port_only() {
        assert_eq!(read("smtp.example.com:587"), ["smtp.example.com"]);
        for text in ["config.yaml", "1.2.3", "example.com", "a.b.c=d", "v1.2:3:4", "12:30"] {
            assert_eq!(read(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn what_stays_in_the_cluster_or_on_the_node_is_not_outside() {
        for text in [
            "redis://cache.identity.svc.cluster.local:6379",
            "http://localhost:8080",
            "http://cache:80",
            "http://db.identity.svc/",
            "http://10.0.0.1:80",
            "http://127.0.0.1",
            "http://169.254.169.254/latest",
            "http://100.64.1.1",
            "http://[::1]:80",
            "http://[fd00::1]:80",
        ] {
            assert_eq!(read(text), [""; 0], "{text}");
        }
    }
}
