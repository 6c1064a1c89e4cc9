//! Values of flags that need words of their own when they are wrong.

use std::{
    net::{SocketAddr, ToSocketAddrs},
    num::NonZeroUsize,
};

/// Where to listen: the first address that a name has.
pub(crate) fn address(text: &str) -> Result<SocketAddr, &'static str> {
    let first = text.to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    first.ok_or("give an address of this machine and a port, as in 127.0.0.1:7464")
}

/// The address of a server, by name or number.
pub(crate) fn server(text: &str) -> Result<String, &'static str> {
    let port = text.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    let bare = text.parse::<std::net::Ipv6Addr>().is_ok();
    match port {
        Some(_) if !bare => Ok(text.into()),
        _ => Err("give an address and a port, as in 127.0.0.1:7464"),
    }
}

/// How many there may be: some.
pub(crate) fn count(text: &str) -> Result<NonZeroUsize, &'static str> {
    text.parse().map_err(|_| "give a number from 1 on")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_may_name_an_address() {
        assert_eq!(address("127.0.0.1:7464"), Ok(([127, 0, 0, 1], 7464).into()));
        assert!(address("localhost:7464").is_ok_and(|address| address.ip().is_loopback()));
        assert!(["localhost", "nowhere", "127.0.0.1", ":"].map(address).iter().all(Result::is_err));
    }

    #[test]
    fn servers_have_ports() {
        for text in ["127.0.0.1:7464", "localhost:1", "[::1]:7464"] {
            assert_eq!(server(text).as_deref(), Ok(text));
        }
        for text in ["127.0.0.1", "localhost", "::1", "host:", "host:70000", ""] {
            assert!(server(text).is_err(), "{text}");
        }
    }
}
