//! Clients that are turned away.

use gazelle_protocol::transport;
use std::{
    io::{self, ErrorKind, Read},
    net::TcpStream,
    sync::mpsc::{self, Receiver, SyncSender, TryRecvError},
    thread,
    time::{Duration, Instant},
};

/// Connections that are kept open at a time; beyond that, the oldest are closed.
const MOST: usize = 512;

/// How long a client may take to notice.
const NOTICE: Duration = Duration::from_secs(2);

/// How often the connections are looked at.
const TICK: Duration = Duration::from_millis(20);

/// Tells clients at once that they are turned away, and keeps their connections until they have
/// noticed. However many do not read, none of them delays anyone.
pub(crate) struct Crowd(SyncSender<TcpStream>);

impl Crowd {
    pub(crate) fn start() -> io::Result<Self> {
        let (leaving, refused) = mpsc::sync_channel(MOST);
        thread::Builder::new().spawn(move || keep(&refused))?;
        Ok(Self(leaving))
    }

    /// Turns a client away.
    pub(crate) fn turn_away(&self, stream: TcpStream, why: &str) {
        // One that is gone already misses nothing; in a flood, the connection just closes.
        if transport::refuse(&stream, why).is_ok() {
            let _ = self.0.try_send(stream);
        }
    }
}

fn keep(refused: &Receiver<TcpStream>) {
    let mut leaving: Vec<(TcpStream, Instant)> = Vec::new();
    loop {
        if leaving.is_empty() {
            let Ok(stream) = refused.recv() else { return };
            leaving.push((stream, Instant::now() + NOTICE));
        }
        loop {
            match refused.try_recv() {
                Ok(stream) => leaving.push((stream, Instant::now() + NOTICE)),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return,
            }
        }
        leaving.drain(..leaving.len().saturating_sub(MOST));
        let now = Instant::now();
        leaving.retain(|(stream, until)| now < *until && is_open(stream));
        thread::sleep(TICK);
    }
}

/// Whether the client has not closed the connection yet; what it sent is thrown away, because a
/// connection that is closed with unread bytes is reset, and the client may lose the words.
fn is_open(mut stream: &TcpStream) -> bool {
    match stream.read(&mut [0; 1 << 12]) {
        Ok(read) => read > 0,
        Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
    }
}
