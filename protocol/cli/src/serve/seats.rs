//! Who may be served: seats in all, and seats for each address.
//!
//! A connection stands in the hall until its session is set up, and then takes a seat. The hall has room
//! for some more than there are seats. Where it is full, whoever comes in sends somebody out who has stood
//! there for a tenth of the set-up's time: the oldest of the address that has the most of them. So those who
//! say little and slowly, or nothing, keep no seat from anyone, and an honest client is through by then.

use gazelle_protocol::error::Limit;
use std::{
    collections::{HashMap, VecDeque},
    fmt, io,
    net::{IpAddr, Ipv6Addr, Shutdown, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Places in the hall beyond the seats.
const ROOM: usize = 64;

/// The seats of a server.
pub(crate) struct Seats {
    most: usize,
    /// Of one address, in the hall and seated; none is half of all seats, and no limit for this machine's
    /// own addresses, behind which a proxy may stand for everyone.
    per_address: Option<usize>,
    /// A session that fails in its first moments counts for its address for so long: one that begins
    /// set-ups and does not end them gets few of them.
    setup: Duration,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    seats: usize,
    hall: VecDeque<Standing>,
    next: u64,
    addresses: HashMap<IpAddr, Address>,
}

/// A connection in the hall.
struct Standing {
    number: u64,
    address: IpAddr,
    since: Instant,
    stream: TcpStream,
}

#[derive(Default)]
struct Address {
    /// Connections, in the hall and seated.
    taken: usize,
    /// When each failed set-up is forgotten.
    failed: Vec<Instant>,
}

impl Address {
    /// What counts, now.
    fn count(&mut self) -> usize {
        let now = Instant::now();
        self.failed.retain(|&until| until > now);
        self.taken + self.failed.len()
    }
}

impl Taken {
    /// Takes a connection out of the hall, if it is still there.
    fn leave_hall(&mut self, number: u64) -> Option<Standing> {
        let place = self.hall.iter().position(|standing| standing.number == number)?;
        self.hall.remove(place)
    }

    /// Of the connections that have been in the hall for `time`, ends the oldest of the address that has
    /// the most; whether there was one.
    fn send_one_out(&mut self, time: Duration) -> bool {
        let late = || self.hall.iter().filter(move |standing| standing.since.elapsed() >= time);
        let mut counts: HashMap<IpAddr, usize> = HashMap::new();
        late().for_each(|standing| *counts.entry(standing.address).or_default() += 1);
        let most = counts.values().max();
        let oldest = late().find(|standing| counts.get(&standing.address) == most);
        let gone = oldest.map(|standing| standing.number);
        let gone = gone.and_then(|number| self.leave_hall(number));
        // Whoever reads it, or watches it, sees its end; one that has ended already needs none.
        gone.map(|standing| standing.stream.shutdown(Shutdown::Both)).is_some()
    }
}

/// Why a connection is turned away; its text is for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// There is no seat for anyone.
    Server,
    /// There is none for this address.
    Address,
    /// The system has no descriptor left.
    System,
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server => Limit::Seats.fmt(f),
            Self::Address => {
                f.write_str("too many sessions come from this address; end one, or try again later")
            }
            Self::System => f.write_str("this server has too many connections; try again later"),
        }
    }
}

impl From<io::Error> for Full {
    fn from(_: io::Error) -> Self {
        Self::System
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

    /// Lets a connection from `address` into the hall, if there is a seat for it by now.
    pub(crate) fn enter(
        self: &Arc<Self>,
        address: IpAddr,
        stream: &TcpStream,
    ) -> Result<Seat, Full> {
        let address = address.to_canonical();
        let limit = match self.per_address {
            Some(limit) => limit,
            None if address.is_loopback() => usize::MAX,
            None => self.most.div_ceil(2),
        };
        let address = subscriber(address);
        let mut taken = self.taken();
        if taken.seats >= self.most {
            return Err(Full::Server);
        }
        taken.addresses.retain(|_, address| address.count() > 0);
        let count = taken.addresses.get_mut(&address).map_or(0, Address::count);
        if count >= limit {
            return Err(Full::Address);
        }
        let (stream, since) = (stream.try_clone()?, Instant::now());
        if taken.hall.len() >= self.most + ROOM && !taken.send_one_out(self.setup / 10) {
            return Err(Full::Server);
        }
        let number = taken.next;
        taken.next += 1;
        taken.hall.push_back(Standing { number, address, since, stream });
        taken.addresses.entry(address).or_default().taken += 1;
        let seats = Arc::clone(self);
        Ok(Seat { seats, address, since, standing: Some(number), seated: false, failed: false })
    }
}

/// What one subscriber has: an address of version 4, or 2^64 addresses of version 6.
fn subscriber(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

/// A place in the hall or a seat, given back when dropped.
pub(crate) struct Seat {
    seats: Arc<Seats>,
    address: IpAddr,
    since: Instant,
    /// The connection's number, while it stands in the hall.
    standing: Option<u64>,
    seated: bool,
    failed: bool,
}

impl Seat {
    /// Out of the hall and onto a seat: the session is set up.
    ///
    /// # Errors
    /// If all of them are taken by now.
    pub(crate) fn sit(&mut self) -> Result<(), Limit> {
        let mut taken = self.seats.taken();
        self.standing.take().and_then(|number| taken.leave_hall(number));
        if taken.seats >= self.seats.most {
            return Err(Limit::Seats);
        }
        taken.seats += 1;
        self.seated = true;
        Ok(())
    }

    /// The session failed.
    pub(crate) fn failed(&mut self) {
        self.failed = true;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken();
        self.standing.take().and_then(|number| taken.leave_hall(number));
        taken.seats -= usize::from(self.seated);
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
    use gazelle_protocol::Error;
    use std::{io::Read, net::TcpListener};

    /// So long that nothing here takes it, however slow the machine is.
    const SETUP: Duration = Duration::from_secs(600);

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// The two ends of a connection.
    fn connection() -> [TcpStream; 2] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        [near, listener.accept().unwrap().0]
    }

    /// A connection that comes from an address in the hall.
    fn enter(seats: &Arc<Seats>, from: &str) -> Result<Seat, Full> {
        seats.enter(address(from), &connection()[1])
    }

    /// One that has sat down.
    fn sit(seats: &Arc<Seats>, from: &str) -> Result<Seat, Full> {
        let mut seat = enter(seats, from)?;
        seat.sit().map(|()| seat).map_err(|_| Full::Server)
    }

    #[test]
    fn no_more_than_there_are() {
        let seats = Seats::new(2, None, SETUP);
        let [one, two] = ["192.0.2.1", "192.0.2.2"].map(|from| sit(&seats, from).unwrap());
        assert_eq!(enter(&seats, "192.0.2.3").err(), Some(Full::Server));
        drop(one);
        assert_eq!(enter(&seats, "192.0.2.2").err(), Some(Full::Address));
        let mut three = enter(&seats, "192.0.2.3").unwrap();
        let four = sit(&seats, "192.0.2.4").unwrap();
        // Whoever is quicker has the seat.
        assert_eq!(three.sit(), Err(Limit::Seats));
        drop((two, three, four));
        assert!(sit(&seats, "192.0.2.2").is_ok());
    }

    #[test]
    fn an_address_gets_half_of_them_or_what_is_said() {
        let half = Seats::new(8, None, SETUP);
        let taken: Vec<_> = (0..5).map(|_| enter(&half, "192.0.2.1")).collect();
        assert!(taken[..4].iter().all(Result::is_ok));
        assert_eq!(taken[4].as_ref().err(), Some(&Full::Address));
        // This machine may take all of them.
        let own: Vec<_> = (0..8).map(|_| sit(&half, "127.0.0.1")).collect();
        assert!(own.iter().all(Result::is_ok));
        let one = Seats::new(8, Some(1), SETUP);
        let _first = enter(&one, "::1").unwrap();
        assert_eq!(enter(&one, "::1").err(), Some(Full::Address));
        // Of version 6, the first half counts, and a mapped address is the one that it maps.
        let _second = enter(&one, "2001:db8::1").unwrap();
        assert_eq!(enter(&one, "2001:db8::2").err(), Some(Full::Address));
        let _third = enter(&one, "2001:db8:0:1::1").unwrap();
        let _fourth = enter(&one, "192.0.2.1").unwrap();
        assert_eq!(enter(&one, "::ffff:192.0.2.1").err(), Some(Full::Address));
    }

    #[test]
    fn whoever_is_turned_away_tries_again() {
        for full in [Full::Server, Full::Address, Full::System] {
            assert!(Error::Refused(full.to_string()).asks_for_another_try());
        }
    }

    #[test]
    fn a_full_hall_sends_out_those_of_whom_there_are_most() {
        let seats = Seats::new(1, None, SETUP);
        let others: Vec<_> = (0..2).map(|_| connection()).collect();
        let enter = |from: &str, [_, far]: &[TcpStream; 2]| seats.enter(address(from), far);
        let _patient = enter("127.0.0.2", &others[0]).unwrap();
        let crowd: Vec<_> = (0..ROOM + 4).map(|_| connection()).collect();
        // The hall has a place for each seat too, and one is taken.
        let (first, last) = crowd.split_at(ROOM);
        let mut places: Vec<_> = first.iter().map(|c| enter("127.0.0.1", c).unwrap()).collect();
        assert_eq!(enter("127.0.0.1", &others[1]).err(), Some(Full::Server), "nobody is late");
        seats.taken().hall.iter_mut().for_each(|standing| standing.since -= SETUP / 10);
        places.extend(last.iter().map(|c| enter("127.0.0.1", c).unwrap()));
        let gone = |[near, _]: &[TcpStream; 2]| {
            near.set_nonblocking(true).unwrap();
            matches!((&*near).read(&mut [0]), Ok(0))
        };
        let sent_out: Vec<_> = crowd.iter().map(gone).collect();
        assert_eq!(sent_out.iter().filter(|gone| **gone).count(), 4);
        assert!(sent_out[..4].iter().all(|gone| *gone) && !gone(&others[0]));
        drop(places);
        assert_eq!(seats.taken().hall.len(), 1);
    }

    #[test]
    fn a_failed_setup_counts_for_a_while() {
        let seats = Seats::new(8, Some(1), SETUP);
        enter(&seats, "192.0.2.1").unwrap().failed();
        assert_eq!(enter(&seats, "192.0.2.1").err(), Some(Full::Address));
        assert!(enter(&seats, "192.0.2.2").is_ok());
        let later = |failed: &mut Instant| *failed -= SETUP;
        seats.taken().addresses.values_mut().flat_map(|a| &mut a.failed).for_each(later);
        drop(sit(&seats, "192.0.2.1").unwrap());
        assert!(enter(&seats, "192.0.2.1").is_ok());
    }
}
