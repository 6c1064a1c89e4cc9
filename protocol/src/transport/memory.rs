//! A connection inside one process, for tests.

use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use super::{Backlog, Channel};
use crate::Link;
use crate::link::Way;

/// How long a reader waits for its peer.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Two connected channels, a client's and a server's, with a simulated `link` each way if there is one.
pub fn pair(link: Option<Link>) -> (Channel, Channel) {
    let (near, far) = (channel(), channel());
    let end = |tx: Sender<Vec<u8>>, rx: Receiver<Vec<u8>>, way: Option<Way>, backlog| {
        let incoming = Incoming { queue: rx, rest: io::Cursor::default() };
        Channel::new(incoming, Outgoing(tx), way, backlog)
    };
    let [up, down] = [link.map(|l| l.upward()), link.map(|l| l.downward())];
    (end(near.0, far.1, up, Backlog::Unlimited), end(far.0, near.1, down, Backlog::SERVER))
}

struct Outgoing(Sender<Vec<u8>>);

impl Write for Outgoing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Incoming {
    queue: Receiver<Vec<u8>>,
    rest: io::Cursor<Vec<u8>>,
}

impl Read for Incoming {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rest.position() == self.rest.get_ref().len() as u64 {
            self.rest = match self.queue.recv_timeout(TIMEOUT) {
                Ok(bytes) => io::Cursor::new(bytes),
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
                Err(RecvTimeoutError::Timeout) => return Err(io::ErrorKind::TimedOut.into()),
            };
        }
        self.rest.read(buffer)
    }
}
