//! Values of flags that need words of their own when they are wrong.

use std::{net::SocketAddr, num::NonZeroUsize};

/// Where to listen.
pub(crate) fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "give an IP address and a port, as in 127.0.0.1:7464")
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
    fn servers_have_ports() {
        for text in ["127.0.0.1:7464", "localhost:1", "[::1]:7464"] {
            assert_eq!(server(text).as_deref(), Ok(text));
        }
        for text in ["127.0.0.1", "localhost", "::1", "host:", "host:70000", ""] {
            assert!(server(text).is_err(), "{text}");
        }
    }
}
