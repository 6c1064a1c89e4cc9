//! One party's end of a connection.

use std::io::{self, BufRead, BufReader, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::limits::{Limit, Unlimited, drain};
use super::patience::{Allowance, until};
use super::queue::{Frame, Item, Queue};
use super::schedule::Schedule;
use super::{
    Backlog, FRAME_LEN, HEADER_LEN, Kind, Patience, Seal, TAG_LEN, Traffic, TransportFault,
};
use crate::Link;
use crate::domain;
use crate::error::{Error, PeerFault};
use crate::exchange::FrameKeys;
use crate::text::printable;
use crate::wire::{Access, Payload};

/// The longest refusal.
const MAX_REFUSAL: usize = 512;
/// How long a peer that is refused may take to notice.
const NOTICE: Duration = Duration::from_secs(2);
/// Of the reader's buffer.
const BUFFER: usize = 1 << 16;
/// Bytes of a payload that are read together: several of the reader's buffers, so that most of them do
/// not go through it, and less than a core's cache.
const PIECE: usize = 1 << 18;

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
    writer: Option<JoinHandle<()>>,
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
            reader: Unlimited(reader),
            writer: Unlimited(writer),
            stream: None,
            patience: Patience::UNLIMITED,
            start: Instant::now(),
            binding: None,
        };
        Self::over(ends, link, backlog).expect("the system gives a thread")
    }

    /// A channel over the ends of a connection.
    ///
    /// # Errors
    /// If the system has no thread for it.
    pub fn over(
        ends: Ends<impl Read + Limit + Send + 'static, impl Write + Limit + Send + 'static>,
        link: Option<Link>,
        backlog: Backlog,
    ) -> io::Result<Self> {
        let Ends { reader, writer, stream, patience, start, binding } = ends;
        let queue = Arc::new(Queue::new(backlog));
        queue.set_deadline(start.checked_add(patience.setup));
        let (items, connection) = (Arc::clone(&queue), stream.clone());
        let schedule = link.map(Schedule::new);
        let writer = thread::Builder::new().spawn(move || {
            let allowance = Allowance::new(patience.phase);
            let result = Output { queue: &items, writer, allowance, schedule, seal: None }.run();
            if let (Err(TransportFault::TimedOut), Some(stream)) = (&result, connection) {
                // A peer that does not read will not answer: this wakes who waits for it.
                let _ = stream.shutdown(Shutdown::Both);
            }
            items.end(result);
        })?;
        Ok(Self {
            reader: BufReader::with_capacity(BUFFER, Box::new(reader)),
            stream,
            patience,
            start,
            allowance: Allowance::new(patience.phase),
            queue,
            writer: Some(writer),
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

    /// Sends a frame.
    ///
    /// # Errors
    /// [`TransportFault`] if an earlier frame could not be written.
    ///
    /// # Panics
    /// If the payload has 4 GiB or more.
    pub fn send(&mut self, kind: Kind, payload: Vec<u8>) -> Result<(), Error> {
        let header = header(kind, &payload);
        let extra = if self.sealed { FRAME_LEN } else { HEADER_LEN };
        self.traffic.sent += (extra + payload.len()) as u64;
        self.spoke = true;
        let frame = Frame { queued: Instant::now(), header, payload };
        match self.queue.push(Item::Frame(frame)) {
            true => Ok(()),
            false => Err(self.writer_fault().into()),
        }
    }

    /// Receives a frame of `kind` with exactly `len` bytes.
    ///
    /// # Errors
    /// [`PeerFault`] if another frame comes, [`Error::Refused`] if the peer ends the session, and
    /// [`TransportFault`] if no frame comes or it was changed on the way.
    pub fn receive(&mut self, kind: Kind, len: usize) -> Result<Vec<u8>, Error> {
        let (_, payload) = self.receive_any(&[(kind, len)])?;
        PeerFault::check_length(kind.name(), &payload, len)?;
        Ok(payload)
    }

    /// Receives a frame of one of the kinds in `expected`, each with its largest length.
    ///
    /// # Errors
    /// As [`Channel::receive`], but for the lengths below the largest ones.
    pub fn receive_any(&mut self, expected: &[(Kind, usize)]) -> Result<(Kind, Vec<u8>), Error> {
        let (kind, header, payload) = self.receive_untagged(expected)?;
        self.check_tag(&header, &payload)?;
        if self.tags && self.seal.is_none() {
            self.last = Some((header, payload.clone()));
        }
        Ok((kind, payload))
    }

    /// Sends the request for access, before anything else is sent.
    ///
    /// # Errors
    /// As [`Channel::send`].
    ///
    /// # Panics
    /// If the model's name is longer than [`Access::MAX_NAME`].
    pub fn send_access(&mut self, access: Access) -> Result<(), Error> {
        self.send(Access::KIND, access.encode())
    }

    /// Receives the request for access, if the client begins with one.
    ///
    /// # Errors
    /// As [`Channel::receive_any`].
    pub fn receive_access(&mut self) -> Result<Option<Access>, Error> {
        self.reader.get_mut().limit(until(self.queue.deadline()));
        match self.reader.fill_buf() {
            Ok([kind, ..]) if *kind == Access::KIND as u8 => {}
            Err(error) if error.kind() != ErrorKind::Interrupted => {
                return Err(self.fault(error.into()).into());
            }
            // Whatever else it is: who expects something else says so.
            _ => return Ok(None),
        }
        let (_, payload) = self.receive_any(&[(Access::KIND, Access::MAX_LEN)])?;
        Ok(Some(Access::decode(payload)?))
    }

    /// Receives the request that begins a phase or ends the session. The peer may take its time if
    /// it `waits` with inferences that it has prepared.
    ///
    /// # Errors
    /// As [`Channel::receive_any`].
    pub(crate) fn receive_request(
        &mut self,
        expected: &[(Kind, usize)],
        waits: bool,
    ) -> Result<(Kind, Vec<u8>), Error> {
        let idle = if waits { self.patience.idle } else { self.patience.phase };
        self.reader.get_mut().limit(idle.min(until(self.queue.deadline())));
        match self.reader.fill_buf() {
            Ok([]) => return Err(self.fault(TransportFault::Closed).into()),
            Ok(_) => {}
            // The frame is read as usual, whatever there is of it.
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(self.fault(error.into()).into()),
        }
        self.begin_phase();
        self.receive_any(expected)
    }

    /// A frame as far as its payload.
    fn receive_untagged(
        &mut self,
        expected: &[(Kind, usize)],
    ) -> Result<(Kind, [u8; HEADER_LEN], Vec<u8>), Error> {
        if std::mem::take(&mut self.spoke) {
            self.traffic.rounds += 1;
        }
        let mut header = [0; HEADER_LEN];
        self.read(&mut header)?;
        let [kind, len @ ..] = header;
        let len = u32::from_le_bytes(len) as usize;
        let refusal = [(Kind::Refusal, MAX_REFUSAL)];
        let Some(&(kind, most)) = expected.iter().chain(&refusal).find(|(k, _)| *k as u8 == kind)
        else {
            let expected = expected.first().map_or("nothing", |(kind, _)| kind.name());
            return Err(PeerFault::Kind { expected, got: kind }.into());
        };
        if len > most {
            let message = kind.name();
            return Err(PeerFault::Length { message, expected: most, got: len }.into());
        }
        let payload = self.read_payload(len)?;
        if kind == Kind::Refusal {
            return Err(self.refused(&header, &payload));
        }
        Ok((kind, header, payload))
    }

    /// The peer's last words, if they are its own.
    fn refused(&mut self, header: &[u8; HEADER_LEN], words: &[u8]) -> Error {
        match self.check_tag(header, words) {
            Ok(()) => Error::Refused(printable(&String::from_utf8_lossy(words))),
            Err(error) => error,
        }
    }

    /// Reads a frame's tag and checks it, if frames bear tags by now.
    fn check_tag(&mut self, header: &[u8; HEADER_LEN], payload: &[u8]) -> Result<(), Error> {
        if self.seal.is_none() {
            return Ok(());
        }
        let mut tag = [0; TAG_LEN];
        self.read(&mut tag)?;
        let seal = self.seal.as_mut().map(|seal| seal.check(header, payload, &tag));
        Ok(seal.unwrap_or(Err(TransportFault::Altered))?)
    }

    /// Reads a payload of so many bytes. Its memory is filled with zeros shortly before the bytes come
    /// there: then it is in the cache.
    fn read_payload(&mut self, len: usize) -> Result<Vec<u8>, Error> {
        let mut payload = Vec::with_capacity(len);
        let mut read = 0;
        while read < len {
            if payload.len() < len.min(read + BUFFER) {
                payload.resize(len.min(read + PIECE), 0);
            }
            read += self.read_some(&mut payload[read..])?;
        }
        Ok(payload)
    }

    /// Fills `buffer` while the peer's allowance and the session's time last.
    fn read(&mut self, buffer: &mut [u8]) -> Result<(), Error> {
        let mut rest = &mut *buffer;
        while !rest.is_empty() {
            let read = self.read_some(rest)?;
            rest = &mut rest[read..];
        }
        Ok(())
    }

    /// Reads what is there, or waits while the peer's allowance and the session's time last: how much
    /// was read, which may be nothing.
    fn read_some(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let time = self.allowance.left().min(until(self.queue.deadline()));
        if time.is_zero() {
            return Err(self.fault(TransportFault::TimedOut).into());
        }
        self.reader.get_mut().limit(time);
        let (start, written) = (Instant::now(), self.queue.written());
        let read = self.reader.read(buffer);
        // Whoever still reads what this party has to say cannot have answered yet.
        let taken = self.queue.written() - written;
        let n = match read {
            Ok(0) => return Err(self.fault(TransportFault::Closed).into()),
            Ok(n) => n,
            Err(error) if error.kind() == ErrorKind::Interrupted => 0,
            Err(error) => match error.into() {
                // What this party wrote meanwhile may have earned the peer more time.
                TransportFault::TimedOut if time < Duration::MAX => 0,
                fault => return Err(self.fault(fault).into()),
            },
        };
        self.allowance.settle(start.elapsed(), n as u64 + taken);
        self.traffic.received += n as u64;
        Ok(n)
    }

    /// What went wrong: if the connection is closed, perhaps because this party could not write.
    fn fault(&mut self, fault: TransportFault) -> TransportFault {
        match fault {
            TransportFault::Closed => self.writer_fault(),
            fault => fault,
        }
    }

    /// Waits until the connection has taken everything that was sent, or nobody writes any more.
    pub(crate) fn wait_for_writing(&self) {
        self.queue.wait_until_empty();
    }

    /// Ends the session with words that tell the peer why, at most 512 bytes of them.
    pub fn refuse(mut self, why: &str) {
        let most = MAX_REFUSAL.min(why.len());
        let cut = (0..=most).rev().find(|&i| why.is_char_boundary(i)).unwrap_or(0);
        // The peer may be gone already.
        let _ = self.send(Kind::Refusal, why.as_bytes()[..cut].to_vec());
        self.flush();
        if let Some(stream) = &self.stream {
            drain(stream, self.patience.phase.min(NOTICE));
        }
    }

    /// Writes out what waits, while the peer takes it, and ends the writing thread.
    fn flush(&mut self) {
        self.queue.close();
        if let Some(stream) = &self.stream
            && !self.queue.ended_within(self.patience.phase)
        {
            // This wakes the thread; a connection that is gone needs no end.
            let _ = stream.shutdown(Shutdown::Both);
        }
        if let Some(writer) = self.writer.take() {
            // The connection is over; its failure has no other consequence.
            let _ = writer.join();
        }
    }

    /// Why the writing thread ended.
    fn writer_fault(&mut self) -> TransportFault {
        self.queue.fault().unwrap_or(TransportFault::Closed)
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.flush();
    }
}

/// The whole frame of a refusal, before there is a key.
pub(super) fn refusal(why: &str) -> Vec<u8> {
    [&header(Kind::Refusal, why.as_bytes())[..], why.as_bytes()].concat()
}

/// The key of a direction's tags on a connection with this binding.
fn bound(key: &[u8; 32], binding: Option<&[u8; 32]>) -> Zeroizing<[u8; 32]> {
    let Some(binding) = binding else { return Zeroizing::new(*key) };
    let hash = Sha256::new().chain_update(domain::CHANNEL_BINDING).chain_update(key);
    Zeroizing::new(hash.chain_update(binding).finalize().into())
}

fn header(kind: Kind, payload: &[u8]) -> [u8; HEADER_LEN] {
    let len = u32::try_from(payload.len()).expect("frames are far below 4 GiB");
    let [a, b, c, d] = len.to_le_bytes();
    [kind as u8, a, b, c, d]
}

/// The writing thread.
struct Output<'a, W> {
    queue: &'a Queue,
    writer: W,
    allowance: Allowance,
    /// When frames arrive on a simulated link.
    schedule: Option<Schedule>,
    seal: Option<Seal>,
}

impl<W: Write + Limit> Output<'_, W> {
    /// Writes frames until the queue closes.
    fn run(mut self) -> Result<(), TransportFault> {
        while let Some(item) = self.queue.pop() {
            match item {
                Item::Seal(seal) => self.seal = Some(*seal),
                Item::Frame(frame) => self.frame(&frame)?,
            }
        }
        Ok(())
    }

    fn frame(&mut self, Frame { queued, header, payload }: &Frame) -> Result<(), TransportFault> {
        // Here, because the system copies the payload next and finds it in the cache.
        let tag = self.seal.as_mut().map(|seal| seal.tag(header, payload));
        let tag = tag.as_ref().map_or(&[][..], |tag| tag);
        if let Some(schedule) = &mut self.schedule {
            let len = header.len() + payload.len() + tag.len();
            Schedule::wait(schedule.arrival(*queued, len));
        }
        let parts = &mut [IoSlice::new(header), IoSlice::new(payload), IoSlice::new(tag)];
        self.write(parts)?;
        self.queue.done(payload.len());
        Ok(())
    }

    /// Writes all parts while the peer's allowance and the session's time last.
    fn write(&mut self, mut parts: &mut [IoSlice<'_>]) -> Result<(), TransportFault> {
        // Empty parts at the beginning go away.
        IoSlice::advance_slices(&mut parts, 0);
        while !parts.is_empty() {
            let time = self.allowance.left().min(until(self.queue.deadline()));
            if time.is_zero() {
                return Err(TransportFault::TimedOut);
            }
            self.writer.limit(time);
            let start = Instant::now();
            let written = match self.writer.write_vectored(parts) {
                Ok(0) => return Err(TransportFault::Closed),
                Ok(n) => n,
                Err(error) if error.kind() == ErrorKind::Interrupted => 0,
                Err(error) => return Err(error.into()),
            };
            self.allowance.settle(start.elapsed(), written as u64);
            self.queue.progress(written);
            IoSlice::advance_slices(&mut parts, written);
        }
        Ok(self.writer.flush()?)
    }
}
