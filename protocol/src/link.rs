//! The network between the parties.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::error::Misuse;

/// A link's bandwidth and delay: what plans weigh work against, and what a channel can simulate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Bits per second in each direction.
    pub bits_per_second: u64,
    /// From one party to the other and back.
    pub round_trip: Duration,
}

impl Link {
    /// 3 Gb/s, 0.15 ms: two machines in one room.
    pub const LAN: Self =
        Self { bits_per_second: 3_000_000_000, round_trip: Duration::from_micros(150) };
    /// 100 Mb/s, 80 ms: across a continent.
    pub const WAN: Self =
        Self { bits_per_second: 100_000_000, round_trip: Duration::from_millis(80) };

    /// Whether there is such a link: 1 kb/s to 1 Pb/s, and a round trip of at most an hour.
    pub(crate) fn is_plausible(&self) -> bool {
        (1_000..=1_000_000_000_000_000).contains(&self.bits_per_second)
            && self.round_trip <= Duration::from_secs(3600)
    }

    /// How long `bytes` take to leave.
    pub fn transfer(&self, bytes: usize) -> Duration {
        let bits = 8 * bytes as u128;
        let nanoseconds = bits * 1_000_000_000 / u128::from(self.bits_per_second.max(1));
        Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
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
        let megabits = self.bits_per_second as f64 / 1e6;
        write!(f, "{megabits}mbit,{}ms", 1e3 * self.round_trip.as_secs_f64())
    }
}

/// `lan`, `wan`, or a bandwidth and a round trip as in `3gbit,0.15ms`, `100mbit,80ms` or `100,80`.
impl FromStr for Link {
    type Err = Misuse;

    fn from_str(text: &str) -> Result<Self, Misuse> {
        let error = || Misuse::Link(text.into());
        match text {
            "lan" => return Ok(Self::LAN),
            "wan" => return Ok(Self::WAN),
            _ => {}
        }
        let (bandwidth, round_trip) = text.split_once(',').ok_or_else(error)?;
        let (bandwidth, unit) = match bandwidth.strip_suffix("gbit") {
            Some(gigabits) => (gigabits, 1e9),
            None => (bandwidth.strip_suffix("mbit").unwrap_or(bandwidth), 1e6),
        };
        let number = |text: &str| text.parse::<f64>().ok().filter(|x| (0.0..1e6).contains(x));
        let bits_per_second = number(bandwidth).ok_or_else(error)? * unit;
        let round_trip = round_trip.strip_suffix("ms").unwrap_or(round_trip);
        let round_trip = number(round_trip).ok_or_else(error)? / 1e3;
        let bits_per_second = bits_per_second as u64;
        let link = Self { bits_per_second, round_trip: Duration::from_secs_f64(round_trip) };
        if link.is_plausible() { Ok(link) } else { Err(error()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_parsed_or_refused() {
        assert_eq!("lan".parse(), Ok(Link::LAN));
        assert_eq!("3gbit,0.15ms".parse(), Ok(Link::LAN));
        assert_eq!("wan".parse(), Ok(Link::WAN));
        assert_eq!("100mbit,80ms".parse(), Ok(Link::WAN));
        assert_eq!("100,80".parse(), Ok(Link::WAN));
        assert_eq!(Link::WAN.to_string(), "100mbit,80ms");
        assert_eq!(Link::LAN.to_string().parse(), Ok(Link::LAN));
        for bad in ["", "fast", "100", "0,1", "-1,1", "1,-1", "nan,1", "1e9,1", "1,1,1", "0.0001,1"]
        {
            assert!(matches!(bad.parse::<Link>(), Err(Misuse::Link(_))), "{bad}");
        }
    }

    #[test]
    fn transfers_take_bits_over_bandwidth() {
        assert_eq!(Link::WAN.transfer(12_500_000), Duration::from_secs(1));
        assert_eq!(Link::LAN.transfer(0), Duration::ZERO);
    }
}
