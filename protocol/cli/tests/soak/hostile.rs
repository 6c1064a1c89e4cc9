//! Connections that tear, and peers that speak no Gazelle or an evil one.

use crate::world::World;
use gazelle_protocol::{
    transport::{Kind, Patience},
    wire::Access,
};
use gazelle_service::{ClientTls, Credentials};
use rand::{Rng, RngExt, SeedableRng, rngs::ChaCha20Rng};
use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    ops::RangeInclusive,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

/// How long a connection that stalls does.
const STALL: Duration = Duration::from_secs(8);

/// What happens to a connection, after so many bytes in one direction.
#[derive(Clone, Copy)]
enum Harm {
    Cut,
    Stall,
    Flip,
}

/// A way to the balancer on which connections tear.
pub(crate) struct Relay {
    pub(crate) address: String,
    /// When it did harm.
    harms: Arc<Mutex<Vec<Instant>>>,
}

impl Relay {
    /// Starts it; it lives as long as this process.
    pub(crate) fn start(target: String, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound address").to_string();
        let harms = Arc::<Mutex<Vec<_>>>::default();
        let harmed = Arc::clone(&harms);
        thread::spawn(move || {
            let mut rng = ChaCha20Rng::seed_from_u64(seed);
            for near in listener.incoming().flatten() {
                let Ok(far) = TcpStream::connect(&target) else { continue };
                // From the first bytes to the last ones of a session.
                let at = 1 << rng.random_range(0..23);
                let harm = match rng.random_range(0..8) {
                    0 | 1 => Some((Harm::Cut, at)),
                    2 => Some((Harm::Stall, at)),
                    3 => Some((Harm::Flip, at)),
                    _ => None,
                };
                let (up, down) = if rng.random() { (harm, None) } else { (None, harm) };
                for (from, to, harm) in [(&near, &far, up), (&far, &near, down)] {
                    let [from, to] = [from, to].map(|end| end.try_clone().expect("a descriptor"));
                    let harmed = Arc::clone(&harmed);
                    thread::spawn(move || pass(&from, &to, harm, &harmed));
                }
            }
        });
        Self { address, harms }
    }

    /// Whether it did harm in this time.
    pub(crate) fn tore(&self, time: &RangeInclusive<Instant>) -> bool {
        self.harms.lock().expect("no holder panics").iter().any(|at| time.contains(at))
    }
}

fn pass(
    mut from: &TcpStream,
    mut to: &TcpStream,
    mut harm: Option<(Harm, usize)>,
    harmed: &Mutex<Vec<Instant>>,
) {
    let mut piece = vec![0; 1 << 14];
    while let Ok(read @ 1..) = from.read(&mut piece) {
        if let Some((kind, at)) = &mut harm {
            *at = at.saturating_sub(read);
            if *at == 0 {
                harmed.lock().expect("no holder panics").push(Instant::now());
                match kind {
                    Harm::Cut => break,
                    Harm::Stall => {
                        thread::sleep(STALL);
                        break;
                    }
                    Harm::Flip => piece[read / 2] ^= 4,
                }
                harm = None;
            }
        }
        if to.write_all(&piece[..read]).is_err() {
            break;
        }
    }
    // Either may be gone.
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

/// Connects again and again and does something else each time, until the load ends.
pub(crate) fn disturb(world: &World, seed: u64, ending: &AtomicBool) {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let credentials = Credentials::read(&world.keys("mallory")).expect("they were made");
    let tls = ClientTls::new(&credentials).expect("they fit");
    while !ending.load(SeqCst) {
        thread::sleep(Duration::from_millis(rng.random_range(0..300)));
        let Ok(stream) = TcpStream::connect(&world.address) else { continue };
        match rng.random_range(0..6) {
            0 => say(&stream, &noise(&mut rng, 4096)),
            1 => say(&stream, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
            // A TLS record that is none.
            2 => say(&stream, &[&[22, 3, 1, 2, 0, 1][..], &noise(&mut rng, 600)].concat()),
            3 => thread::sleep(Duration::from_millis(rng.random_range(0..3000))),
            4 => squat(world, &mut rng, ending),
            _ => frames(stream, world, &tls, &mut rng),
        }
    }
}

fn noise(rng: &mut ChaCha20Rng, most: usize) -> Vec<u8> {
    let mut bytes = vec![0; rng.random_range(1..most)];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// Says something, and hears what the server answers, for a while.
fn say(mut stream: &TcpStream, words: &[u8]) {
    // A server that hangs up early is right.
    let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
    let _ = stream.write_all(words);
    let _ = stream.read_to_end(&mut Vec::new());
}

/// Eight connections that send a byte now and then.
fn squat(world: &World, rng: &mut ChaCha20Rng, ending: &AtomicBool) {
    let streams: Vec<_> = (0..8).filter_map(|_| TcpStream::connect(&world.address).ok()).collect();
    for &byte in &noise(rng, 40) {
        if ending.load(SeqCst) {
            return;
        }
        streams.iter().for_each(|mut stream| drop(stream.write_all(&[byte])));
        thread::sleep(Duration::from_millis(100));
    }
}

/// A client with a certificate that sends frames as they come to its mind.
fn frames(stream: TcpStream, world: &World, tls: &ClientTls, rng: &mut ChaCha20Rng) {
    let patience = Patience::from(Duration::from_secs(3));
    let connected = gazelle_service::connect(stream, &world.address, tls, patience, None);
    // Its replica may have been killed.
    let Ok(mut secured) = connected else { return };
    let _ = secured.channel.send_access(Access { keep: rng.random(), ..Access::default() });
    let kinds = [Kind::Hello, Kind::SetUp, Kind::Offline, Kind::Online, Kind::Access, Kind::Bye];
    for _ in 0..3 {
        let kind = kinds[rng.random_range(0..kinds.len())];
        let _ = secured.channel.send(kind, noise(rng, 300));
    }
    let _ = secured.channel.receive(Kind::Hello, 1 << 10);
    let _ = secured.channel.receive(Kind::Card, 1 << 20);
}
