//! Who can change what passes between honest parties, without TLS, stops them and does no more: a
//! changed session ends in an error and never in a wrong class.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use gazelle_protocol::Error;
use gazelle_protocol::error::PeerFault;
use gazelle_protocol::session::{Client, Outcome, Server, Settings, Terms, hazmat};
use gazelle_protocol::transport::{self, FRAME_LEN, HEADER_LEN, Kind, Patience, TransportFault};
use gazelle_tests::parties::{listen, small_network};
use gazelle_tests::rng;
use rand::RngExt;

/// A changed length may make a party wait for bytes that never come; nothing else waits. A party that gives
/// an honest peer up on a slow machine ends as it may.
const BRIEF: Patience = Patience {
    setup: Duration::from_secs(4),
    phase: Duration::from_millis(1500),
    idle: Duration::from_secs(4),
    session: Duration::MAX,
};

const MINUTES: Duration = Duration::from_secs(120);
/// Where the session's end is known and takes no waiting.
const PATIENT: Patience =
    Patience { setup: MINUTES, phase: MINUTES, idle: MINUTES, session: Duration::MAX };

static SERVICE: LazyLock<Server> =
    LazyLock::new(|| Server::new(small_network(3), &Settings::default()).unwrap());

const CLIENT: usize = 0;
const SERVER: usize = 1;

/// How the server and the client ended.
struct Ends {
    served: Result<(), Error>,
    outcome: Result<Outcome, Error>,
}

/// What a change does to bytes that one party sent, the first of which is number `.1`.
type Change<'a> = &'a (dyn Fn(usize, usize, &mut [u8]) + Sync);

/// Runs a session whose bytes pass through `change`, in pieces as the system gives them; also what
/// each party sent.
fn session(patience: Patience, change: Change<'_>) -> (Ends, [Vec<u8>; 2]) {
    let ((listener, address), (relay, relayed)) = (listen(), listen());
    let served = thread::spawn(move || serve(&listener, patience));
    let outcome = thread::spawn(move || classify(&relayed, patience));
    let client = relay.accept().unwrap().0;
    let server = TcpStream::connect(address).unwrap();
    thread::scope(|scope| {
        let up = scope.spawn(|| pass(&client, &server, |at, bytes| change(CLIENT, at, bytes)));
        let down = pass(&server, &client, |at, bytes| change(SERVER, at, bytes));
        let ends = Ends { served: served.join().unwrap(), outcome: outcome.join().unwrap() };
        (ends, [up.join().unwrap(), down])
    })
}

fn serve(listener: &TcpListener, patience: Patience) -> Result<(), Error> {
    let (stream, _) = listener.accept().unwrap();
    SERVICE.serve(transport::accept(stream, patience, None)?).map(drop)
}

fn classify(address: &str, patience: Patience) -> Result<Outcome, Error> {
    let channel = transport::connect(address, patience, None)?;
    let mut client = Client::connect(channel, &Terms::default())?;
    let bundle = client.offline(1, |_, _| ())?.remove(0);
    let outcome = client.classify(bundle, &[100; 16])?;
    client.close()?;
    Ok(outcome)
}

/// Passes bytes on until one end closes; what came.
fn pass(mut from: &TcpStream, mut to: &TcpStream, change: impl Fn(usize, &mut [u8])) -> Vec<u8> {
    let (mut passed, mut piece) = (Vec::new(), vec![0; 1 << 16]);
    while let Ok(len @ 1..) = from.read(&mut piece) {
        change(passed.len(), &mut piece[..len]);
        passed.extend_from_slice(&piece[..len]);
        if to.write_all(&piece[..len]).is_err() {
            break;
        }
    }
    // Either may be gone.
    let _ = (from.shutdown(Shutdown::Read), to.shutdown(Shutdown::Write));
    passed
}

/// An honest session's bytes, and its result.
static HONEST: LazyLock<(Outcome, [Vec<u8>; 2])> = LazyLock::new(|| {
    let (ends, sent) = session(PATIENT, &|_, _, _| ());
    ends.served.unwrap();
    (ends.outcome.unwrap(), sent)
});

/// Where each frame of a party begins.
fn frames(party: usize) -> Vec<usize> {
    let bytes = &HONEST.1[party];
    let (mut starts, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let extra = if starts.len() < 2 { HEADER_LEN } else { FRAME_LEN };
        let len = bytes[at + 1..at + HEADER_LEN].try_into().unwrap();
        starts.push(at);
        at += extra + u32::from_le_bytes(len) as usize;
    }
    starts
}

/// Runs sessions in which each of `flips` (party, byte, bit) goes wrong, a few at a time.
fn every_flip(flips: &[(usize, usize, u32)]) {
    let next = AtomicUsize::new(0);
    let farewell = *frames(CLIENT).last().unwrap();
    let work = || {
        while let Some(&(party, byte, bit)) = flips.get(next.fetch_add(1, Ordering::Relaxed)) {
            let farewells = (party, byte >= farewell) == (CLIENT, true);
            let patience = if farewells { PATIENT } else { BRIEF };
            let (ends, _) = session(patience, &|from, first, bytes| {
                if from == party && (first..first + bytes.len()).contains(&byte) {
                    bytes[byte - first] ^= 1 << bit;
                }
            });
            let place = format!("{party} {byte} {bit}");
            if farewells {
                // The client has its class, and the server knows that it may be another's farewell.
                assert_eq!(ends.outcome.unwrap(), HONEST.0, "{place}");
            } else {
                assert!(ends.outcome.is_err(), "{place}: {:?}", ends.outcome);
            }
            assert!(ends.served.is_err(), "{place}");
        }
    };
    thread::scope(|scope| (0..6).for_each(|_| drop(scope.spawn(work))));
}

#[test]
fn a_flipped_bit_anywhere_ends_the_session() {
    let mut rng = rng(1);
    let count = std::env::var("GAZELLE_FLIPS").ok().and_then(|text| text.parse().ok());
    let flips: Vec<_> = (0..count.unwrap_or(150))
        .map(|i| {
            let party = i % 2;
            let byte = rng.random_range(0..HONEST.1[party].len());
            (party, byte, rng.random_range(0..8))
        })
        .collect();
    every_flip(&flips);
}

/// The header and the tag of every frame, and what is said before there is a key.
#[test]
fn a_flipped_bit_that_matters_most_ends_the_session() {
    let mut rng = rng(2);
    let mut flips = Vec::new();
    for party in [CLIENT, SERVER] {
        let starts = frames(party);
        for (i, &start) in starts.iter().enumerate() {
            let end = starts.get(i + 1).copied().unwrap_or(HONEST.1[party].len());
            flips.push((party, start + rng.random_range(0..HEADER_LEN), rng.random_range(0..8)));
            flips.push((party, end - rng.random_range(1..=16), rng.random_range(0..8)));
        }
        for _ in 0..25 {
            let byte = rng.random_range(HEADER_LEN..starts[2].min(200));
            flips.push((party, byte, rng.random_range(0..8)));
        }
    }
    every_flip(&flips);
}

/// A party that answers whatever it is asked with what it recorded once, until the other one closes.
fn replay(mut stream: TcpStream, recorded: &[u8]) {
    let mut asked = stream.try_clone().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || io::copy(&mut asked, &mut io::sink()));
        // The party that it plays to may close at any time, and rightly.
        let _ = stream.write_all(recorded);
    });
}

#[test]
fn a_recorded_server_is_no_server() {
    let (listener, address) = listen();
    thread::scope(|scope| {
        scope.spawn(|| replay(listener.accept().unwrap().0, &HONEST.1[SERVER]));
        let error = classify(&address, PATIENT).unwrap_err();
        assert!(matches!(error, Error::Transport(TransportFault::Altered)), "{error}");
    });
}

#[test]
fn a_recorded_client_is_no_client() {
    let (listener, address) = listen();
    thread::scope(|scope| {
        scope.spawn(|| replay(TcpStream::connect(address).unwrap(), &HONEST.1[CLIENT]));
        let error = serve(&listener, PATIENT).unwrap_err();
        assert!(matches!(error, Error::Transport(TransportFault::Altered)), "{error}");
    });
}

/// What one party sent comes back to it.
#[test]
fn a_mirror_is_no_server() {
    let (listener, address) = listen();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, _) = listener.accept().unwrap();
            let mut back = stream.try_clone().unwrap();
            io::copy(&mut stream, &mut back)
        });
        assert!(classify(&address, BRIEF).is_err());
    });
}

/// A server that garbles a class that there is none of learns nothing by it: the client asks for the
/// next image as if nothing had happened, and says farewell.
#[test]
fn a_class_out_of_range_changes_nothing_that_the_server_sees() {
    let (listener, address) = listen();
    let (relay, relayed) = listen();
    // Tags are left out, so the relay can play such a server.
    let served = thread::spawn(move || {
        let channel = transport::accept(listener.accept().unwrap().0, PATIENT, None)?;
        hazmat::serve(&SERVICE, hazmat::without_tags(channel), rng(0))
    });
    let relaying = thread::spawn(move || {
        let client = relay.accept().unwrap().0;
        let server = TcpStream::connect(&address).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| pass(&client, &server, |_, _| ()));
            let mut tables = 0;
            pass_frames(&server, &client, |kind, payload| {
                // Of the two blocks' tables for the first image, the second ones reveal the class.
                tables += usize::from(kind == Kind::Tables as u8);
                if kind == Kind::Tables as u8 && tables == 2 {
                    // Both bits of class 0.
                    payload.iter_mut().rev().take(2).for_each(|byte| *byte ^= 1);
                }
            });
        });
    });
    {
        let channel = hazmat::without_tags(transport::connect(&relayed, PATIENT, None).unwrap());
        let mut client = hazmat::connect(channel, &Terms::NONE, rng(1)).unwrap();
        let mut bundles = client.offline(1, |_, _| ()).unwrap();
        let error = client.classify(bundles.remove(0), &[100; 16]).unwrap_err();
        let class = PeerFault::Class { label: 3, classes: 3 };
        assert!(matches!(&error, Error::Peer(fault) if *fault == class), "{error}");
        let bundle = client.offline(1, |_, _| ()).unwrap().remove(0);
        assert_eq!(client.classify(bundle, &[100; 16]).unwrap(), HONEST.0);
        client.close().unwrap();
    }
    relaying.join().unwrap();
    assert_eq!(served.join().unwrap().unwrap().inferences, 2);
}

/// Passes frames without tags on until one end closes.
fn pass_frames(mut from: &TcpStream, mut to: &TcpStream, mut change: impl FnMut(u8, &mut [u8])) {
    let mut header = [0; HEADER_LEN];
    while from.read_exact(&mut header).is_ok() {
        let mut payload = vec![0; u32::from_le_bytes(header[1..].try_into().unwrap()) as usize];
        from.read_exact(&mut payload).unwrap();
        change(header[0], &mut payload);
        to.write_all(&[&header, payload.as_slice()].concat()).unwrap();
    }
    // The client may be gone.
    let _ = to.shutdown(Shutdown::Write);
}
