//! One party's end of a connection.

use std::io::{self, BufReader, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, bounded, unbounded};

use super::limits::{Limit, Patience, Unlimited, drain};
use super::schedule::Schedule;
use super::{Kind, TransportFault};
use crate::Link;
use crate::error::{Error, PeerFault};

/// Bytes of a frame before its payload.
const HEADER: usize = 5;
/// The longest refusal that is shown.
const MAX_REFUSAL: usize = 512;
/// How long a peer that is refused may take to notice.
const NOTICE: Duration = Duration::from_secs(2);
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

/// A reader with limits.
pub(super) trait Source: Read + Limit + Send {}

impl<T: Read + Limit + Send> Source for T {}

/// The two directions of a connection, and the peer's limits.
pub(super) struct Ends<W> {
    pub(super) reader: Box<dyn Source>,
    pub(super) writer: W,
    /// What both go over, if that is TCP.
    pub(super) stream: Option<Arc<TcpStream>>,
    pub(super) patience: Patience,
    /// How long the peer may take to begin.
    pub(super) greeting: Duration,
}

/// One party's end of a connection: frames in order, both ways.
///
/// A thread of its own writes what is sent. Dropping the channel writes out what waits, for one
/// timeout at most, and ends the thread.
pub struct Channel {
    reader: BufReader<Box<dyn Source>>,
    stream: Option<Arc<TcpStream>>,
    patience: Patience,
    /// How long the peer may take to begin, until it has.
    greeting: Option<Duration>,
    frames: Option<Sender<Frame>>,
    writer: Option<JoinHandle<Result<(), TransportFault>>>,
    /// Bytes that wait to be written.
    unsent: Arc<AtomicUsize>,
    /// Disconnected when the writing thread has ended.
    written: Receiver<()>,
    traffic: Traffic,
    /// Whether the last frame of this party was sent after the last one it received.
    spoke: bool,
}

impl Channel {
    /// A channel over a reader and a writer. Both must time out by themselves; with a `link`, what
    /// this party sends arrives as late as it would on that link.
    ///
    /// # Panics
    /// If the system has no thread for it.
    pub fn new(
        reader: impl Read + Send + 'static,
        writer: impl Write + Send + 'static,
        link: Option<Link>,
        backlog: Backlog,
    ) -> Self {
        let ends = Ends {
            reader: Box::new(Unlimited(reader)),
            writer: Unlimited(writer),
            stream: None,
            patience: Patience::UNLIMITED,
            greeting: Duration::MAX,
        };
        Self::over(ends, link, backlog).expect("the system gives a thread")
    }

    /// A channel over the ends of a connection.
    pub(super) fn over(
        ends: Ends<impl Write + Limit + Send + 'static>,
        link: Option<Link>,
        backlog: Backlog,
    ) -> io::Result<Self> {
        let Ends { reader, writer, stream, patience, greeting } = ends;
        let (frames, queue) = match backlog {
            Backlog::Unlimited => unbounded(),
            Backlog::Frames(most) => bounded(most),
        };
        let (ended, written) = bounded(0);
        let unsent = Arc::new(AtomicUsize::new(0));
        let (waiting, connection) = (Arc::clone(&unsent), stream.clone());
        let writer = thread::Builder::new().spawn(move || {
            let _ended: Sender<()> = ended;
            let result = write(&queue, &waiting, writer, patience, link);
            if let (Err(TransportFault::TimedOut), Some(stream)) = (&result, connection) {
                // A peer that does not read will not answer: this wakes who waits for it.
                let _ = stream.shutdown(Shutdown::Both);
            }
            result
        })?;
        Ok(Self {
            reader: BufReader::with_capacity(BUFFER, reader),
            stream,
            patience,
            greeting: Some(greeting),
            frames: Some(frames),
            writer: Some(writer),
            unsent,
            written,
            traffic: Traffic::default(),
            spoke: false,
        })
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
        let header = header(kind, &payload);
        self.traffic.sent += (HEADER + payload.len()) as u64;
        self.unsent.fetch_add(payload.len(), Ordering::Relaxed);
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
        // What this party still has to send, the peer has to read before it answers.
        let answer = self.patience.of(self.unsent.load(Ordering::Relaxed));
        let time = self.greeting.take().unwrap_or(answer);
        let mut header = [0; HEADER];
        self.read(&mut header, time)?;
        let [kind, len @ ..] = header;
        let len = u32::from_le_bytes(len) as usize;
        if kind == Kind::Refusal as u8 {
            let mut words = vec![0; len.min(MAX_REFUSAL)];
            self.read(&mut words, self.patience.of(0))?;
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
        self.read(&mut payload, self.patience.of(len))?;
        Ok((kind, payload))
    }

    /// Fills `buffer`, in `time` at most.
    fn read(&mut self, buffer: &mut [u8], time: Duration) -> Result<(), Error> {
        self.reader.get_mut().limit(time);
        if let Err(error) = self.reader.read_exact(buffer) {
            let ended = self.written.try_recv() == Err(TryRecvError::Disconnected);
            return Err(match (error.into(), ended) {
                (TransportFault::Closed, true) => self.writer_fault(),
                (fault, _) => fault,
            }
            .into());
        }
        self.traffic.received += buffer.len() as u64;
        Ok(())
    }

    /// Ends the session with words that tell the peer why.
    pub fn refuse(mut self, why: &str) {
        // The peer may be gone already.
        let _ = self.send(Kind::Refusal, why.as_bytes().to_vec());
        self.flush();
        if let Some(stream) = &self.stream {
            drain(stream, self.patience.0.min(NOTICE));
        }
    }

    /// Writes out what waits, for one timeout at most, and ends the writing thread.
    fn flush(&mut self) {
        self.frames = None;
        if let Some(stream) = &self.stream {
            let timeout = self.patience.of(0);
            if matches!(self.written.recv_timeout(timeout), Err(RecvTimeoutError::Timeout)) {
                // This wakes the thread; a connection that is gone needs no end.
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        if let Some(writer) = self.writer.take() {
            // The connection is over; its failure has no other consequence.
            let _ = writer.join();
        }
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
        self.flush();
    }
}

/// The whole frame of a refusal.
pub(super) fn refusal(why: &str) -> Vec<u8> {
    [&header(Kind::Refusal, why.as_bytes())[..], why.as_bytes()].concat()
}

fn header(kind: Kind, payload: &[u8]) -> [u8; HEADER] {
    let len = u32::try_from(payload.len()).expect("frames are far below 4 GiB");
    let [a, b, c, d] = len.to_le_bytes();
    [kind as u8, a, b, c, d]
}

/// Writes frames until the queue closes.
fn write(
    queue: &Receiver<Frame>,
    unsent: &AtomicUsize,
    mut writer: impl Write + Limit,
    patience: Patience,
    link: Option<Link>,
) -> Result<(), TransportFault> {
    let mut schedule = link.map(Schedule::new);
    while let Ok(Frame { queued, header, payload }) = queue.recv() {
        if let Some(schedule) = &mut schedule {
            Schedule::wait(schedule.arrival(queued, HEADER + payload.len()));
        }
        writer.limit(patience.of(payload.len()));
        let whole = [IoSlice::new(&header), IoSlice::new(&payload)];
        let written = match writer.write_vectored(&whole) {
            Err(error) if error.kind() == ErrorKind::Interrupted => 0,
            result => result?,
        };
        writer.write_all(&header[written.min(HEADER)..])?;
        writer.write_all(&payload[written.saturating_sub(HEADER)..])?;
        writer.flush()?;
        unsent.fetch_sub(payload.len(), Ordering::Relaxed);
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
        Kind::Guard => "message for guard bits",
        Kind::Transfers => "OT-extension message",
        Kind::Tables => "garbled tables",
        Kind::Online => "request for an online phase",
        Kind::Masked => "masked tensor",
        Kind::Labels => "labels",
        Kind::Bye => "farewell",
        Kind::Refusal => "refusal",
    }
}
