//! What a peer does wrong on purpose: an error that names it, soon, and nothing else.
//!
//! Between an honest client and an honest server stands a relay that passes frames on, but for one,
//! which it treats as a hostile peer would; the connections stay open meanwhile. Every frame of a
//! session has its turn, in both directions.

mod hints;
mod limits;

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Condvar, LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use gazelle_protocol::Error;
use gazelle_protocol::error::PeerFault;
use gazelle_protocol::session::{Client, Server, Settings, Terms};
use gazelle_protocol::transport::{
    self, Channel, HEADER_LEN, Kind, Patience, TAG_LEN, TransportFault,
};
use gazelle_tests::parties::{listen, small_network};

/// How long a party waits in a phase for a peer that is to be given up.
const TIMEOUT: Duration = Duration::from_millis(600);
/// How long it waits in all parts of a session: several set up one at once here.
const BRIEF: Patience = Patience {
    setup: Duration::from_secs(4),
    phase: TIMEOUT,
    idle: Duration::from_secs(2),
    session: Duration::MAX,
};
const MINUTES: Duration = Duration::from_secs(120);
/// How long a party waits whose peer is honest until the end: on no machine it needs as long.
const PATIENT: Patience =
    Patience { setup: MINUTES, phase: MINUTES, idle: MINUTES, session: Duration::MAX };
/// A party ends within brief timeouts for the frame at hand and for its last words, or without any;
/// the rest is for a busy machine.
const SOON: Duration = Duration::from_secs(60);
/// How often a session is tried in which a party may give up an honest peer, as the machine is slow.
const TRIES: usize = 20;
/// Sessions at a time, of all tests together: most of them wait, but not when they begin.
const SESSIONS: usize = 12;

/// Frames of either party before those with tags; a refusal in the place of the next has none either.
const UNTAGGED: usize = 2;
/// The client's frames, and the server that receives them in [`Ends`].
const CLIENT: usize = 0;

static SERVICE: LazyLock<Server> =
    LazyLock::new(|| Server::new(small_network(3), &Settings::default()).unwrap());

/// What the relay does with one frame.
#[derive(Clone, Copy, Debug)]
enum Wrong {
    /// Closes both connections before it.
    Close,
    /// Closes both after half of it.
    CloseInside,
    /// Sends half of it and then nothing.
    Stall,
    /// Sends one byte a while, each sooner than a timeout.
    Drip,
    /// Gives it the greatest length.
    Length,
    /// Gives it another kind, one that nobody sends there.
    Kind,
}

impl Wrong {
    /// Whether nothing but time ends the session of whoever is to receive the frame.
    fn takes_time(self) -> bool {
        matches!(self, Self::Stall | Self::Drip)
    }
}

/// How both parties ended: the server, then the client.
type Ends = [Result<(), Error>; 2];

/// How a session ends in which frame number `frame` that `party` sends goes wrong, if there is one.
fn session(party: usize, frame: usize, wrong: Wrong) -> Option<Ends> {
    for _ in 0..TRIES {
        let (went_wrong, ends) = one_session(party, frame, wrong);
        let all_well = ends.iter().all(Result::is_ok);
        if went_wrong || all_well {
            return went_wrong.then_some(ends);
        }
        assert!(wrong.takes_time(), "nothing went wrong, and they ended so: {ends:?}");
    }
    panic!("this machine is too slow for {TIMEOUT:?}");
}

/// Runs it; also whether there was such a frame.
fn one_session(party: usize, frame: usize, wrong: Wrong) -> (bool, Ends) {
    let (listener, address) = listen();
    let (relay, relayed) = listen();
    let patience = [0, 1].map(|receiver| match wrong.takes_time() && receiver == party {
        true => BRIEF,
        false => PATIENT,
    });
    let served = thread::spawn(move || soon(|| serve(&listener, patience[0])));
    let classified = thread::spawn(move || soon(|| classify(&relayed, patience[1])));
    let client = relay.accept().unwrap().0;
    let server = TcpStream::connect(address).unwrap();
    let streams = [&client, &server];
    let pass = |from: usize| {
        let frame = if from == party { frame } else { usize::MAX };
        pass(streams[from], streams[1 - from], frame, wrong).unwrap_or(false)
    };
    thread::scope(|scope| {
        scope.spawn(|| pass(1 - party));
        let went_wrong = pass(party);
        let ends = [served.join().unwrap(), classified.join().unwrap()];
        let _ = close(&streams);
        (went_wrong, ends)
    })
}

fn soon<T>(run: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = run();
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    result
}

fn serve(listener: &TcpListener, patience: Patience) -> Result<(), Error> {
    let (stream, _) = listener.accept().unwrap();
    SERVICE.serve(transport::accept(stream, patience, None)?).map(drop)
}

fn connect(address: &str, patience: Patience) -> Result<Client, Error> {
    Client::connect(transport::connect(address, patience, None)?, &Terms::default())
}

fn classify(address: &str, patience: Patience) -> Result<(), Error> {
    let mut client = connect(address, patience)?;
    let bundle = client.offline(1, |_, _| ())?.remove(0);
    client.classify(bundle, &[100; 16])?;
    client.close()
}

/// Passes frames on until one party closes. Whether frame number `wrong_frame` was there.
fn pass(
    mut from: &TcpStream,
    mut to: &TcpStream,
    wrong_frame: usize,
    wrong: Wrong,
) -> io::Result<bool> {
    for number in 0.. {
        let mut frame = vec![0; HEADER_LEN];
        if from.read_exact(&mut frame).is_err() {
            to.shutdown(Shutdown::Write)?;
            return Ok(false);
        }
        let refusal = number == UNTAGGED && frame[0] == Kind::Refusal as u8;
        let tag = if number < UNTAGGED || refusal { 0 } else { TAG_LEN };
        let len = u32::from_le_bytes(frame[1..].try_into().unwrap()) as usize;
        frame.resize(HEADER_LEN + len + tag, 0);
        from.read_exact(&mut frame[HEADER_LEN..])?;
        if number < wrong_frame {
            to.write_all(&frame)?;
            continue;
        }
        let half = frame.len() / 2;
        // The receiver may close at any time, and rightly.
        let _ = match wrong {
            Wrong::Close => close(&[from, to]),
            Wrong::CloseInside => to.write_all(&frame[..half]).and_then(|()| close(&[from, to])),
            Wrong::Stall => to.write_all(&frame[..half]),
            Wrong::Drip => frame.iter().try_for_each(|&byte| {
                thread::sleep(TIMEOUT / 4);
                to.write_all(&[byte])
            }),
            Wrong::Length => {
                frame[1..HEADER_LEN].fill(0xff);
                to.write_all(&frame)
            }
            Wrong::Kind => {
                frame[0] = if frame[0] == Kind::Query as u8 { 12 } else { Kind::Query as u8 };
                to.write_all(&frame)
            }
        };
        return Ok(true);
    }
    unreachable!("no session has so many frames")
}

fn close(streams: &[&TcpStream]) -> io::Result<()> {
    streams.iter().try_for_each(|stream| stream.shutdown(Shutdown::Both))
}

/// Every frame of either party in turn, many at a time.
fn every_frame(wrong: Wrong, check: impl Fn(usize, usize, Ends) + Sync) {
    // A session of the small network has fewer.
    const FRAMES: usize = 16;
    static FREE: (Mutex<usize>, Condvar) = (Mutex::new(SESSIONS), Condvar::new());
    let run = |party: usize, frame: usize| {
        *FREE.1.wait_while(FREE.0.lock().unwrap(), |free| *free == 0).unwrap() -= 1;
        let ends = session(party, frame, wrong);
        *FREE.0.lock().unwrap() += 1;
        FREE.1.notify_one();
        ends.map(|ends| check(party, frame, ends)).is_some()
    };
    let counts: Vec<bool> = thread::scope(|scope| {
        let run = &run;
        let frames = (0..2 * FRAMES).map(|i| (i / FRAMES, i % FRAMES));
        let sessions: Vec<_> =
            frames.map(|(party, frame)| scope.spawn(move || run(party, frame))).collect();
        sessions.into_iter().map(|session| session.join().unwrap()).collect()
    });
    let [client, server] = [&counts[..FRAMES], &counts[FRAMES..]]
        .map(|there| there.iter().filter(|&&there| there).count());
    assert!((10..FRAMES).contains(&client) && (8..FRAMES).contains(&server), "{client} {server}");
}

fn transport_fault(end: &Result<(), Error>) -> Option<&TransportFault> {
    match end {
        Err(Error::Transport(fault)) => Some(fault),
        _ => None,
    }
}

#[test]
fn a_peer_that_closes_at_any_step() {
    for wrong in [Wrong::Close, Wrong::CloseInside] {
        every_frame(wrong, |party, frame, ends| {
            // A client is done when it has said farewell.
            let receiver = &ends[party];
            let closed = matches!(transport_fault(receiver), Some(TransportFault::Closed));
            assert!(closed, "{wrong:?} {party} {frame}: {receiver:?}");
        });
    }
}

#[test]
fn a_peer_that_stalls_or_drips() {
    for wrong in [Wrong::Stall, Wrong::Drip] {
        every_frame(wrong, |party, frame, ends| {
            let receiver = &ends[party];
            let late = matches!(transport_fault(receiver), Some(TransportFault::TimedOut));
            assert!(late, "{wrong:?} {party} {frame}: {receiver:?}");
        });
    }
}

#[test]
fn a_frame_of_the_greatest_length() {
    every_frame(Wrong::Length, |party, frame, ends| {
        let fault = peer_fault(&ends[party]);
        let known = matches!(fault, Some(PeerFault::Length { .. } | PeerFault::NotGazelle));
        assert!(known, "{party} {frame}: {:?}", ends[party]);
        refused(party, frame, &ends);
    });
}

#[test]
fn a_frame_out_of_order() {
    every_frame(Wrong::Kind, |party, frame, ends| {
        let fault = peer_fault(&ends[party]);
        let known = matches!(fault, Some(PeerFault::Kind { .. } | PeerFault::NotGazelle));
        assert!(known, "{party} {frame}: {:?}", ends[party]);
        refused(party, frame, &ends);
    });
}

fn peer_fault(end: &Result<(), Error>) -> Option<&PeerFault> {
    match end {
        Err(Error::Peer(fault)) => Some(fault),
        _ => None,
    }
}

/// A client that broke the protocol is told how, unless it has left with its farewell.
fn refused(party: usize, frame: usize, ends: &Ends) {
    if party == CLIENT && ends[1].is_err() {
        let words = ends[1].as_ref().unwrap_err().to_string();
        // What is no greeting comes from no client.
        let told = match peer_fault(&ends[0]) {
            Some(PeerFault::NotGazelle) => "this server speaks Gazelle's protocol alone",
            _ => "this client broke the protocol",
        };
        assert!(words.contains(&format!("the peer refused: {told}")), "{frame}: {words}");
    }
}

/// A silent client is given up at its greeting and costs one timeout.
#[test]
fn a_client_that_says_nothing() {
    let (listener, address) = listen();
    let silent = TcpStream::connect(address).unwrap();
    let end = soon(|| serve(&listener, BRIEF));
    assert!(matches!(transport_fault(&end), Some(TransportFault::TimedOut)), "{end:?}");
    drop(silent);
}

/// For how long the peer may be deaf before a client has queued all that it has to say.
const DEAF: Duration = Duration::from_secs(6);

/// Two ends of a connection, the second one bare.
fn connected(client: bool) -> (Channel, TcpStream) {
    let (listener, address) = listen();
    if client {
        let channel = transport::connect(&address, DEAF, None).unwrap();
        return (channel, listener.accept().unwrap().0);
    }
    let stream = TcpStream::connect(address).unwrap();
    (transport::accept(listener.accept().unwrap().0, TIMEOUT, None).unwrap(), stream)
}

const MEGABYTES: usize = 48;

/// Sends until it fails, then ends.
fn send_all(mut channel: Channel) -> Option<Error> {
    (0..MEGABYTES).find_map(|_| channel.send(Kind::Tables, vec![1; 1 << 20]).err())
}

#[test]
fn a_peer_that_never_reads() {
    let (server, deaf) = connected(false);
    let error = soon(|| send_all(server)).expect("more than the system buffers");
    assert!(matches!(error, Error::Transport(TransportFault::TimedOut)), "{error}");
    drop(deaf);

    // A client may send all it has to say; it notices when it listens, and does not wait for long
    // at its end.
    let (mut client, deaf) = connected(true);
    for _ in 0..MEGABYTES {
        client.send(Kind::Query, vec![1; 1 << 20]).unwrap();
    }
    let start = Instant::now();
    let error = client.receive(Kind::Answer, 1).unwrap_err();
    assert!(matches!(error, Error::Transport(TransportFault::TimedOut)), "{error}");
    drop(client);
    // However much waits to be read, silence is silence.
    assert!(start.elapsed() < MEGABYTES as u32 / 4 * DEAF, "{:?}", start.elapsed());
    drop(deaf);
    let (client, deaf) = connected(true);
    assert!(soon(|| send_all(client)).is_none(), "queueing never fails");
    drop(deaf);
}

#[test]
fn a_peer_that_reads_a_byte_now_and_then() {
    let (server, mut slow) = connected(false);
    let reader = thread::spawn(move || {
        let mut byte = [0];
        while slow.read(&mut byte).is_ok_and(|n| n > 0) {
            thread::sleep(TIMEOUT / 20);
        }
    });
    let error = soon(|| send_all(server)).expect("more than the system buffers");
    assert!(matches!(error, Error::Transport(TransportFault::TimedOut)), "{error}");
    drop(reader);
}
