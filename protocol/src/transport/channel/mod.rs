//! One party's end of a connection.
//!
//! - `send`: frames that go out, refusals, the end;
//! - `writer`: the thread that writes them;
//! - `receive`: frames that come in, and what is wrong with them;
//! - `rest`: a connection on which nothing passes for a while.

mod receive;
mod rest;
mod send;
mod writer;

pub(super) use receive::refusal_words;
pub(super) use send::refusal;

use std::io::{self, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Instant;

use self::rest::Writer;
use self::writer::Output;
use super::limits::{Limit, Unlimited};
use super::patience::Allowance;
use super::queue::{Item, Queue};
use super::schedule::Schedule;
use super::{Backlog, HEADER_LEN, Patience, Traffic};
use crate::error::Error;
use crate::exchange::FrameKeys;
use crate::frames::{Seal, bound};
use crate::link::Way;

/// Bytes of the read buffer.
const BUFFER: usize = 1 << 16;

/// A reader with limits.
trait Source: Read + Limit + Send {}

impl<T: Read + Limit + Send> Source for T {}

/// The two directions of a connection, and how long to wait for the peer.
pub struct Ends<R, W> {
    /// What the peer sends.
    pub reader: R,
    /// What the peer is sent.
    pub writer: W,
    /// What both go over, if that is TCP.
    pub stream: Option<Arc<TcpStream>>,
    /// How long to wait for the peer.
    pub patience: Patience,
    /// When the time for the set-up began.
    pub start: Instant,
    /// What only the two ends of this very connection know, as TLS exports it, if there is such a
    /// thing: frames then bear the tags of this connection and of no other.
    pub binding: Option<[u8; 32]>,
}

/// One party's end of a connection: frames in order, both ways.
///
/// A thread of its own writes what is sent. Dropping the channel writes out what waits, for as long
/// as silence may last, and ends the thread.
pub struct Channel {
    reader: BufReader<Box<dyn Source>>,
    stream: Option<Arc<TcpStream>>,
    patience: Patience,
    start: Instant,
    allowance: Allowance,
    queue: Arc<Queue>,
    writer: Writer,
    /// Whether frames bear tags once there is a key; always, but in tests.
    tags: bool,
    /// Whether what is sent bears tags by now.
    sealed: bool,
    /// What checks the tags of what is received, once it bears some.
    seal: Option<Seal>,
    /// [`Ends::binding`].
    binding: Option<[u8; 32]>,
    /// The frame that came last, until there is a key: its tag may be the first.
    last: Option<([u8; HEADER_LEN], Vec<u8>)>,
    traffic: Traffic,
    /// Whether the last frame of this party was sent after the last one it received.
    spoke: bool,
}

impl Channel {
    /// A channel over a reader and a writer. Both must time out by themselves; with a `way`, what
    /// this party sends arrives as late as it would on such a link.
    ///
    /// # Panics
    /// If the system has no thread for it.
    pub fn new(
        reader: impl Read + Send + 'static,
        writer: impl Write + Send + 'static,
        way: Option<Way>,
        backlog: Backlog,
    ) -> Self {
        let ends = Ends {
            reader: Unlimited(reader),
            writer: Unlimited(writer),
            stream: None,
            patience: Patience::UNLIMITED,
            start: Instant::now(),
            binding: None,
        };
        Self::over(ends, way, backlog).expect("the system gives a thread")
    }

    /// A channel over the ends of a connection.
    ///
    /// # Errors
    /// If the system has no thread for it.
    pub fn over(
        ends: Ends<impl Read + Limit + Send + 'static, impl Write + Limit + Send + 'static>,
        way: Option<Way>,
        backlog: Backlog,
    ) -> io::Result<Self> {
        let Ends { reader, writer, stream, patience, start, binding } = ends;
        let queue = Arc::new(Queue::new(backlog));
        queue.set_deadline(start.checked_add(patience.setup));
        let output = Output {
            queue: Arc::clone(&queue),
            writer: Box::new(writer),
            connection: stream.clone(),
            allowance: Allowance::new(patience.phase),
            schedule: way.map(Schedule::new),
            seal: None,
        };
        let writer = Writer::Running(output.start()?);
        Ok(Self {
            reader: BufReader::with_capacity(BUFFER, Box::new(reader)),
            stream,
            patience,
            start,
            allowance: Allowance::new(patience.phase),
            queue,
            writer,
            tags: true,
            sealed: false,
            seal: None,
            binding,
            last: None,
            traffic: Traffic::default(),
            spoke: false,
        })
    }

    /// What went through so far.
    pub fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// Neither writes nor checks tags; the other end must not either.
    pub(crate) fn without_tags(mut self) -> Self {
        self.tags = false;
        self
    }

    /// The set-up is over: from now on, the limits of phases hold.
    pub(crate) fn end_setup(&mut self) {
        self.queue.set_deadline(self.start.checked_add(self.patience.session));
        self.begin_phase();
    }

    /// The peer has its whole allowance again.
    pub(crate) fn begin_phase(&mut self) {
        self.allowance.renew();
    }

    /// From the next frame on, frames bear tags in both directions; with [`FrameKeys::opened`], so
    /// did the frame that came last.
    ///
    /// # Errors
    /// [`TransportFault::Altered`] if its tag is wrong, [`TransportFault`] if there is none.
    pub(crate) fn seal(&mut self, keys: &FrameKeys) -> Result<(), Error> {
        let last = self.last.take();
        if !self.tags {
            return Ok(());
        }
        self.sealed = true;
        let seal = |key| Seal::new(&bound(key, self.binding.as_ref()));
        // A writer that has ended says so at the next frame.
        self.queue.push(Item::Seal(Box::new(seal(&keys.sent))));
        self.seal = Some(seal(&keys.received));
        match last {
            Some((header, payload)) if keys.opened => self.check_tag(&header, &payload),
            _ => Ok(()),
        }
    }
}
