//! One party's end of a connection.

use std::io::{BufReader, ErrorKind, IoSlice, Read, Write};
use std::thread::JoinHandle;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::schedule::Schedule;
use super::{Kind, TransportFault};
use crate::Link;
use crate::error::{Error, PeerFault};

/// Bytes of a frame before its payload.
const HEADER: usize = 5;
/// The longest refusal that is shown.
const MAX_REFUSAL: usize = 512;
/// Of the reader's buffer.
const BUFFER: usize = 1 << 16;

/// What a party has sent and received, headers included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes sent.
    pub sent: u64,
    /// Bytes received.
    pub received: u64,
    /// How often this party sent something and then waited for the peer: round trips, for a client.
    pub rounds: u64,
}

impl Traffic {
    /// What came since `earlier`.
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            sent: self.sent - earlier.sent,
            received: self.received - earlier.received,
            rounds: self.rounds - earlier.rounds,
        }
    }
}

/// How many frames may wait to be written.
///
/// A client's are unlimited: it sends all it has to say before it listens, while the server already
/// answers. A server's are limited, so that a slow link does not fill its memory; it may block in
/// sending because its client always comes to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backlog {
    /// Sending never blocks.
    Unlimited,
    /// Sending blocks while this many frames wait.
    Frames(usize),
}

impl Backlog {
    /// A server's: no more than about 16 MiB of garbled tables.
    pub const SERVER: Self = Self::Frames(32);
}

/// A frame that waits to be written.
struct Frame {
    queued: Instant,
    header: [u8; HEADER],
    payload: Vec<u8>,
}

/// One party's end of a connection: frames in order, both ways.
///
/// A thread of its own writes what is sent. Dropping the channel writes out what waits and ends the
/// thread.
pub struct Channel {
    reader: BufReader<Box<dyn Read + Send>>,
    frames: Option<Sender<Frame>>,
    writer: Option<JoinHandle<Result<(), TransportFault>>>,
    traffic: Traffic,
    /// Whether the last frame of this party was sent after the last one it received.
    spoke: bool,
}

impl Channel {
    /// A channel over a reader and a writer. The reader must time out by itself; with a `link`, what
    /// this party sends arrives as late as it would on that link.
    pub fn new(
        reader: impl Read + Send + 'static,
        writer: impl Write + Send + 'static,
        link: Option<Link>,
        backlog: Backlog,
    ) -> Self {
        let (frames, queue) = match backlog {
            Backlog::Unlimited => unbounded(),
            Backlog::Frames(most) => bounded(most),
        };
        let writer = std::thread::spawn(move || write(&queue, writer, link));
        Self {
            reader: BufReader::with_capacity(BUFFER, Box::new(reader)),
            frames: Some(frames),
            writer: Some(writer),
            traffic: Traffic::default(),
            spoke: false,
        }
    }

    /// What went through so far.
    pub fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// [`TransportFault`] if an earlier frame could not be written.
    ///
    /// # Panics
    /// If the payload has 4 GiB or more.
    pub fn send(&mut self, kind: Kind, payload: Vec<u8>) -> Result<(), Error> {
        let len = u32::try_from(payload.len()).expect("frames are far below 4 GiB");
        let [a, b, c, d] = len.to_le_bytes();
        let header = [kind as u8, a, b, c, d];
        self.traffic.sent += (HEADER + payload.len()) as u64;
        self.spoke = true;
        let queue = self.frames.as_ref().expect("the queue lives as long as the channel");
        match queue.send(Frame { queued: Instant::now(), header, payload }) {
            Ok(()) => Ok(()),
            Err(_) => Err(self.writer_fault().into()),
        }
    }

    /// Receives a frame of `kind` with exactly `len` bytes.
    ///
    /// # Errors
    /// [`PeerFault`] if another frame comes, [`TransportFault`] if none does.
    pub fn receive(&mut self, kind: Kind, len: usize) -> Result<Vec<u8>, Error> {
        let (_, payload) = self.receive_any(&[(kind, len)])?;
        PeerFault::check_length(name(kind), &payload, len)?;
        Ok(payload)
    }

    /// Receives a frame of one of the kinds in `expected`, each with its largest length.
    ///
    /// # Errors
    /// [`PeerFault`] if another or a longer frame comes, or the peer's refusal; [`TransportFault`]
    /// if none comes.
    pub fn receive_any(&mut self, expected: &[(Kind, usize)]) -> Result<(Kind, Vec<u8>), Error> {
        if std::mem::take(&mut self.spoke) {
            self.traffic.rounds += 1;
        }
        let mut header = [0; HEADER];
        self.read(&mut header)?;
        let [kind, len @ ..] = header;
        let len = u32::from_le_bytes(len) as usize;
        if kind == Kind::Refusal as u8 {
            let mut words = vec![0; len.min(MAX_REFUSAL)];
            self.read(&mut words)?;
            let words = String::from_utf8_lossy(&words);
            let printable = words.chars().filter(|c| !c.is_control()).collect();
            return Err(PeerFault::Refusal(printable).into());
        }
        let Some(&(kind, most)) = expected.iter().find(|(k, _)| *k as u8 == kind) else {
            let expected = expected.first().map_or("nothing", |(kind, _)| name(*kind));
            return Err(PeerFault::Kind { expected, got: kind }.into());
        };
        if len > most {
            let message = name(kind);
            return Err(PeerFault::Length { message, expected: most, got: len }.into());
        }
        let mut payload = vec![0; len];
        self.read(&mut payload)?;
        Ok((kind, payload))
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<(), Error> {
        self.reader.read_exact(buffer).map_err(TransportFault::from)?;
        self.traffic.received += buffer.len() as u64;
        Ok(())
    }

    /// Why the writing thread ended.
    fn writer_fault(&mut self) -> TransportFault {
        self.frames = None;
        match self.writer.take().map(JoinHandle::join) {
            Some(Ok(Err(fault))) => fault,
            _ => TransportFault::Closed,
        }
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.frames = None;
        if let Some(writer) = self.writer.take() {
            // The connection is over; its failure has no other consequence.
            let _ = writer.join();
        }
    }
}

/// Writes frames until the queue closes.
fn write(
    queue: &Receiver<Frame>,
    mut writer: impl Write,
    link: Option<Link>,
) -> Result<(), TransportFault> {
    let mut schedule = link.map(Schedule::new);
    while let Ok(Frame { queued, header, payload }) = queue.recv() {
        if let Some(schedule) = &mut schedule {
            Schedule::wait(schedule.arrival(queued, HEADER + payload.len()));
        }
        let whole = [IoSlice::new(&header), IoSlice::new(&payload)];
        let written = match writer.write_vectored(&whole) {
            Err(error) if error.kind() == ErrorKind::Interrupted => 0,
            result => result?,
        };
        writer.write_all(&header[written.min(HEADER)..])?;
        writer.write_all(&payload[written.saturating_sub(HEADER)..])?;
        writer.flush()?;
    }
    Ok(())
}

/// What people call a kind of frame.
fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Hello => "greeting",
        Kind::Card => "model card",
        Kind::SetUp => "set-up message",
        Kind::Corrections => "OT-extension corrections",
        Kind::Offline => "request for an offline phase",
        Kind::Query => "query",
        Kind::Answer => "answer",
        Kind::Transfers => "OT-extension message",
        Kind::Tables => "garbled tables",
        Kind::Online => "request for an online phase",
        Kind::Masked => "masked tensor",
        Kind::Labels => "labels",
        Kind::Bye => "farewell",
        Kind::Refusal => "refusal",
    }
}
