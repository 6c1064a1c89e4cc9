//! Who may be served: seats in all, and seats for each address.

use std::{
    collections::HashMap,
    fmt,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// The seats of a server.
pub(crate) struct Seats {
    most: usize,
    /// Of one address; none is half of all, and no limit for this machine's own addresses, behind
    /// which a proxy may stand for everyone.
    per_address: Option<usize>,
    /// A session that fails in its first moments counts for its address for so long: one that begins
    /// set-ups and does not end them gets few of them.
    setup: Duration,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    addresses: HashMap<IpAddr, Address>,
}

#[derive(Default)]
struct Address {
    taken: usize,
    /// When each failed set-up is forgotten.
    failed: Vec<Instant>,
}

impl Address {
    /// Seats that count, now.
    fn count(&mut self) -> usize {
        let now = Instant::now();
        self.failed.retain(|&until| until > now);
        self.taken + self.failed.len()
    }
}

/// Why there is no seat; its text is for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// There is none for anyone.
    Server,
    /// There is none for this address.
    Address,
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Server => "all seats of this server are taken; try again later",
            Self::Address => {
                "too many sessions come from this address; end one, or try again later"
            }
        })
    }
}

impl Seats {
    pub(crate) fn new(most: usize, per_address: Option<usize>, setup: Duration) -> Arc<Self> {
        Arc::new(Self { most, per_address, setup, taken: Mutex::default() })
    }

    /// No code that holds the lock panics, so a poisoned state is as good as any.
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A seat for a client at `address`.
    pub(crate) fn take(self: &Arc<Self>, address: IpAddr) -> Result<Seat, Full> {
        let address = address.to_canonical();
        let limit = match self.per_address {
            Some(limit) => limit,
            None if address.is_loopback() => usize::MAX,
            None => self.most.div_ceil(2),
        };
        let address = subscriber(address);
        let mut taken = self.taken();
        if taken.all >= self.most {
            return Err(Full::Server);
        }
        taken.addresses.retain(|_, address| address.count() > 0);
        let own = taken.addresses.entry(address).or_default();
        if own.count() >= limit {
            return Err(Full::Address);
        }
        own.taken += 1;
        taken.all += 1;
        Ok(Seat { seats: Arc::clone(self), address, since: Instant::now(), failed: false })
    }
}

/// What one subscriber has: an address of version 4, or 2^64 addresses of version 6.
fn subscriber(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

/// A seat, given back when dropped.
pub(crate) struct Seat {
    seats: Arc<Seats>,
    address: IpAddr,
    since: Instant,
    failed: bool,
}

impl Seat {
    /// The session failed.
    pub(crate) fn failed(&mut self) {
        self.failed = true;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken();
        taken.all -= 1;
        let own = taken.addresses.entry(self.address).or_default();
        own.taken -= 1;
        if let Some(until) = self.since.checked_add(self.seats.setup).filter(|_| self.failed) {
            own.failed.push(until);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETUP: Duration = Duration::from_millis(200);

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn no_more_than_there_are() {
        let seats = Seats::new(2, None, SETUP);
        let [one, two] = ["192.0.2.1", "192.0.2.2"].map(|a| seats.take(address(a)).unwrap());
        assert_eq!(seats.take(address("192.0.2.3")).err(), Some(Full::Server));
        drop(one);
        assert_eq!(seats.take(address("192.0.2.2")).err(), Some(Full::Address));
        let three = seats.take(address("192.0.2.3"));
        assert!(three.is_ok());
        drop(two);
        assert!(seats.take(address("192.0.2.2")).is_ok());
    }

    #[test]
    fn an_address_gets_half_of_them_or_what_is_said() {
        let half = Seats::new(8, None, SETUP);
        let taken: Vec<_> = (0..5).map(|_| half.take(address("192.0.2.1"))).collect();
        assert!(taken[..4].iter().all(Result::is_ok));
        assert_eq!(taken[4].as_ref().err(), Some(&Full::Address));
        // This machine may take all of them.
        assert!((0..4).map(|_| half.take(address("127.0.0.1"))).all(|seat| seat.is_ok()));
        let one = Seats::new(8, Some(1), SETUP);
        let _first = one.take(address("::1")).unwrap();
        assert_eq!(one.take(address("::1")).err(), Some(Full::Address));
        // Of version 6, the first half counts, and a mapped address is the one that it maps.
        let _second = one.take(address("2001:db8::1")).unwrap();
        assert_eq!(one.take(address("2001:db8::2")).err(), Some(Full::Address));
        let _third = one.take(address("2001:db8:0:1::1")).unwrap();
        let _fourth = one.take(address("192.0.2.1")).unwrap();
        assert_eq!(one.take(address("::ffff:192.0.2.1")).err(), Some(Full::Address));
    }

    #[test]
    fn a_failed_setup_counts_for_a_while() {
        let seats = Seats::new(8, Some(1), SETUP);
        seats.take(address("192.0.2.1")).unwrap().failed();
        assert_eq!(seats.take(address("192.0.2.1")).err(), Some(Full::Address));
        assert!(seats.take(address("192.0.2.2")).is_ok());
        std::thread::sleep(SETUP);
        drop(seats.take(address("192.0.2.1")).unwrap());
        assert!(seats.take(address("192.0.2.1")).is_ok());
    }
}
