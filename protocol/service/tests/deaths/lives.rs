//! Parties that die at an event, and what they read and write until then.

use std::io::{self, Cursor, Read, Write};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};

use gazelle_protocol::transport::{Backlog, Channel};

/// Events until a party dies.
#[derive(Clone)]
pub(crate) struct Life(pub(crate) Arc<AtomicI64>);

/// What a death unwinds with.
pub(crate) struct Death;

impl Life {
    pub(crate) fn of(events: i64) -> Self {
        Self(Arc::new(AtomicI64::new(events)))
    }

    /// Whether the party still lives after another event.
    pub(crate) fn goes_on(&self) -> bool {
        self.0.fetch_sub(1, SeqCst) > 0
    }

    /// Another event, which may be the last.
    pub(crate) fn event(&self) {
        if !self.goes_on() {
            resume_unwind(Box::new(Death));
        }
    }
}

/// What a party reads: each read of what its peer wrote at once is an event.
pub(crate) struct Incoming {
    life: Life,
    queue: Receiver<Vec<u8>>,
    rest: Cursor<Vec<u8>>,
}

impl Read for Incoming {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rest.position() == self.rest.get_ref().len() as u64 {
            self.life.event();
            match self.queue.recv() {
                Ok(bytes) => self.rest = Cursor::new(bytes),
                Err(_) => return Ok(0),
            }
        }
        self.rest.read(buffer)
    }
}

/// What a party writes: headers, payloads and tags are events each.
pub(crate) struct Outgoing {
    life: Life,
    queue: Sender<Vec<u8>>,
}

impl Write for Outgoing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The thread that writes ends; the party itself ends when it reads next.
        let sent = self.life.goes_on() && self.queue.send(bytes.to_vec()).is_ok();
        if sent { Ok(bytes.len()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The ends of a connection between parties with these lives.
pub(crate) fn connection(client: &Life, server: &Life) -> [Channel; 2] {
    let (up, down) = (channel(), channel());
    let end = |life: &Life, from: Receiver<Vec<u8>>, to: Sender<Vec<u8>>, backlog| {
        let incoming = Incoming { life: life.clone(), queue: from, rest: Cursor::default() };
        Channel::new(incoming, Outgoing { life: life.clone(), queue: to }, None, backlog)
    };
    [end(client, down.1, up.0, Backlog::Unlimited), end(server, up.1, down.0, Backlog::SERVER)]
}
