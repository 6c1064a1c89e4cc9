//! Sessions between two phases, whose clients have nothing to ask for and keep talking.

use std::io::{ErrorKind, copy};

use gazelle_protocol::bundle::Waiting;
use gazelle_protocol::session::Visit;

use super::*;

/// How long a client that asks for nothing may stay.
const IDLE: Duration = Duration::from_secs(1);

/// How often it says that it is still there, and for how long at most.
const PING: Duration = Duration::from_millis(40);
const PINGS: Duration = Duration::from_secs(60);

/// Serves as the command does, until the session's time is over; how often the client was heard until
/// then, and how long that took from the end of the set-up.
fn serve_until_late(stream: TcpStream) -> (u32, Duration) {
    let patience = Patience { phase: IDLE, idle: IDLE, ..patience() };
    let channel =
        accept_plaintext(stream, Instant::now(), &Web::default(), patience, None).unwrap();
    let server = Server::new(tiny_network(Activation::Argmax), &Settings::default()).unwrap();
    let mut store = Waiting::default();
    let mut visit = server.serve_until_idle(channel, &mut store, || Ok(())).unwrap();
    let (start, mut heard) = (Instant::now(), 0);
    loop {
        let Visit::Idle(idle) = visit else { panic!("the client says no farewell") };
        let left = idle.deadline().unwrap().saturating_duration_since(Instant::now());
        let stream = idle.stream().unwrap();
        stream.set_read_timeout(Some(left.max(Duration::from_millis(1)))).unwrap();
        match stream.peek(&mut [0]) {
            Ok(1) if !left.is_zero() => heard += 1,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            _ => return (heard, start.elapsed()),
        }
        visit = server.resume(idle, &mut store).unwrap();
    }
}

#[test]
fn pings_keep_no_session() {
    let (near, middle, address) = loopback();
    let (onward, far, _) = loopback();
    let served = thread::spawn(move || serve_until_late(far));
    let ways = [(&middle, &onward), (&onward, &middle)];
    for (from, to) in ways {
        let [mut from, mut to] = [from, to].map(|end| end.try_clone().unwrap());
        thread::spawn(move || copy(&mut from, &mut to));
    }
    let secured = connect(near, &address, None, patience(), None).unwrap();
    let client = Client::connect(secured.channel, &Terms::NONE).unwrap();
    // The client's own thread writes nothing more: frames of others fit in between.
    let ping = raw(OpCode::Control(Control::Ping), |_| (), 2, b"hi");
    let start = Instant::now();
    while !served.is_finished() && start.elapsed() < PINGS {
        let _ = (&onward).write_all(&ping);
        thread::sleep(PING);
    }
    let (heard, time) = served.join().unwrap();
    assert!(heard > 0 && (IDLE / 2..PINGS / 2).contains(&time), "{heard} pings in {time:?}");
    drop(client);
}
