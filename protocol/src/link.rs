//! The network between the parties.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::error::Misuse;

/// A link's bandwidths and delay: what plans weigh work against, and what a channel can simulate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Bits per second from the client to the server.
    pub up: u64,
    /// Bits per second from the server to the client.
    pub down: u64,
    /// From one party to the other and back.
    pub round_trip: Duration,
}

/// One direction of a link: what a party's own bytes go over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// Bits per second.
    pub bits_per_second: u64,
    /// From one party to the other.
    pub delay: Duration,
}

impl Link {
    /// 10 Gb/s, 0.03 ms: two processes of one machine, whose bytes the system copies.
    pub const LOOPBACK: Self = Self::symmetric(10_000_000_000, Duration::from_micros(30));
    /// 3 Gb/s, 0.15 ms: two machines in one room.
    pub const LAN: Self = Self::symmetric(3_000_000_000, Duration::from_micros(150));
    /// 100 Mb/s, 80 ms: across a continent.
    pub const WAN: Self = Self::symmetric(100_000_000, Duration::from_millis(80));

    /// As many bits per second one way as the other.
    pub const fn symmetric(bits_per_second: u64, round_trip: Duration) -> Self {
        Self { up: bits_per_second, down: bits_per_second, round_trip }
    }

    /// Whether there is such a link: 1 kb/s to 1 Pb/s, and a round trip of at most an hour.
    pub(crate) fn is_plausible(&self) -> bool {
        let rates = 1_000..=1_000_000_000_000_000;
        rates.contains(&self.up)
            && rates.contains(&self.down)
            && self.round_trip <= Duration::from_secs(3600)
    }

    /// What the client's bytes go over.
    pub fn upward(&self) -> Way {
        Way { bits_per_second: self.up, delay: self.round_trip / 2 }
    }

    /// What the server's bytes go over.
    pub fn downward(&self) -> Way {
        Way { bits_per_second: self.down, delay: self.round_trip / 2 }
    }
}

impl Way {
    /// How long `bytes` take to leave.
    pub fn transfer(&self, bytes: usize) -> Duration {
        Duration::from_nanos(self.nanoseconds(bytes as u64))
    }

    /// The same in whole nanoseconds.
    pub(crate) fn nanoseconds(&self, bytes: u64) -> u64 {
        let nanoseconds =
            8_000_000_000 * u128::from(bytes) / u128::from(self.bits_per_second.max(1));
        u64::try_from(nanoseconds).unwrap_or(u64::MAX)
    }
}

impl Default for Link {
    fn default() -> Self {
        Self::LAN
    }
}

/// In the form that can be read back.
impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let megabits = |bits: u64| bits as f64 / 1e6;
        write!(f, "{}mbit", megabits(self.up))?;
        if self.up != self.down {
            write!(f, "/{}mbit", megabits(self.down))?;
        }
        write!(f, ",{}ms", 1e3 * self.round_trip.as_secs_f64())
    }
}

/// `loopback`, `lan`, `wan`, or a bandwidth and a round trip as in `3gbit,0.15ms`, `100mbit,80ms` or `100,80`; with
/// two bandwidths, as in `20mbit/100mbit,30ms`, the first is the client's.
impl FromStr for Link {
    type Err = Misuse;

    fn from_str(text: &str) -> Result<Self, Misuse> {
        match text {
            "loopback" => Ok(Self::LOOPBACK),
            "lan" => Ok(Self::LAN),
            "wan" => Ok(Self::WAN),
            _ => parse(text).filter(Self::is_plausible).ok_or_else(|| Misuse::Link(text.into())),
        }
    }
}

fn parse(text: &str) -> Option<Link> {
    let (bandwidths, round_trip) = text.split_once(',')?;
    let (up, down) = bandwidths.split_once('/').unwrap_or((bandwidths, bandwidths));
    let milliseconds = number(round_trip.strip_suffix("ms").unwrap_or(round_trip))?;
    Some(Link {
        up: bits_per_second(up)?,
        down: bits_per_second(down)?,
        round_trip: Duration::from_secs_f64(milliseconds / 1e3),
    })
}

fn bits_per_second(text: &str) -> Option<u64> {
    let (bandwidth, unit) = match text.strip_suffix("gbit") {
        Some(gigabits) => (gigabits, 1e9),
        None => (text.strip_suffix("mbit").unwrap_or(text), 1e6),
    };
    Some((number(bandwidth)? * unit) as u64)
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|x| (0.0..1e6).contains(x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_parsed_or_refused() {
        assert_eq!("loopback".parse(), Ok(Link::LOOPBACK));
        assert_eq!("lan".parse(), Ok(Link::LAN));
        assert_eq!("3gbit,0.15ms".parse(), Ok(Link::LAN));
        assert_eq!("wan".parse(), Ok(Link::WAN));
        assert_eq!("100mbit,80ms".parse(), Ok(Link::WAN));
        assert_eq!("100,80".parse(), Ok(Link::WAN));
        assert_eq!("0.1gbit/100,80".parse(), Ok(Link::WAN));
        let home =
            Link { up: 20_000_000, down: 100_000_000, round_trip: Duration::from_millis(30) };
        assert_eq!("20mbit/100mbit,30ms".parse(), Ok(home));
        assert_eq!(home.to_string(), "20mbit/100mbit,30ms");
        assert_eq!(Link::WAN.to_string(), "100mbit,80ms");
        assert_eq!(Link::LAN.to_string().parse(), Ok(Link::LAN));
        for bad in [
            "", "fast", "100", "0,1", "-1,1", "1,-1", "nan,1", "1e9,1", "1,1,1", "0.0001,1",
            "/1,1", "1/,1", "1/0,1", "1/1/1,1", "20/100",
        ] {
            assert!(matches!(bad.parse::<Link>(), Err(Misuse::Link(_))), "{bad}");
        }
    }

    #[test]
    fn transfers_take_bits_over_bandwidth() {
        assert_eq!(Link::WAN.upward().transfer(12_500_000), Duration::from_secs(1));
        assert_eq!(Link::LAN.downward().transfer(0), Duration::ZERO);
        let home = Link { up: 20_000_000, ..Link::WAN };
        assert_eq!(home.upward().transfer(12_500_000), Duration::from_secs(5));
        assert_eq!(home.downward().transfer(12_500_000), Duration::from_secs(1));
    }
}
