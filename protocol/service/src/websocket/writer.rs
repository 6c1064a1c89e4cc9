//! What goes out over a WebSocket.
//!
//! The channel's writing thread sends data. Its reading thread has to answer pings and closes, and must
//! not wait for the other one, which may itself wait for a peer that sends first. So an answer is left
//! for whoever holds the line when it cannot go at once.

use std::io::{self, ErrorKind, IoSlice, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use gazelle_protocol::transport::Limit;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

use super::random;

/// The most bytes of data in a frame that is sent.
const PIECE: usize = (1 << 16) - 16;

/// How long the last words may take.
const FAREWELL: Duration = Duration::from_millis(100);

/// Which party this is: clients mask what they send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Client,
    Server,
}

/// A control frame: its code and at most 125 bytes.
type Answer = (Control, Vec<u8>);

/// The way out, for both threads of a channel.
pub(super) struct Sending<W> {
    line: Mutex<Line<W>>,
    /// What is to be sent as soon as the line is free.
    answer: Mutex<Option<Answer>>,
}

struct Line<W> {
    writer: W,
    role: Role,
    /// The frame that is being sent.
    frame: Vec<u8>,
    /// A close was sent: nothing may follow.
    closed: bool,
}

impl<W> Sending<W> {
    pub(super) fn new(writer: W, role: Role) -> Self {
        let line = Line { writer, role, frame: Vec::new(), closed: false };
        Self { line: Mutex::new(line), answer: Mutex::new(None) }
    }
}

impl<W: Write + Limit> Sending<W> {
    /// Sends a control frame, or has it sent by whoever sends something now. Of several that wait, the
    /// last counts, but a close always does.
    pub(super) fn answer(&self, code: Control, payload: Vec<u8>, time: Duration) -> io::Result<()> {
        let mut waiting = lock(&self.answer);
        if !matches!(*waiting, Some((Control::Close, _))) {
            *waiting = Some((code, payload));
        }
        drop(waiting);
        self.pass_on(time)
    }

    /// Says why this party ends the connection.
    pub(super) fn close(&self, code: CloseCode, why: &str, time: Duration) -> io::Result<()> {
        let code = u16::from(code).to_be_bytes();
        self.answer(Control::Close, [&code, why.as_bytes()].concat(), time)
    }

    /// Sends what waits, unless another thread holds the line, which then does this when it is done.
    fn pass_on(&self, time: Duration) -> io::Result<()> {
        loop {
            let mut line = match self.line.try_lock() {
                Ok(line) => line,
                Err(TryLockError::Poisoned(line)) => line.into_inner(),
                Err(TryLockError::WouldBlock) => return Ok(()),
            };
            let Some((code, payload)) = lock(&self.answer).take() else { return Ok(()) };
            line.writer.limit(time);
            line.send(OpCode::Control(code), &[IoSlice::new(&payload)], payload.len())?;
            line.closed |= code == Control::Close;
            drop(line);
            // One that came meanwhile found the line held.
            if lock(&self.answer).is_none() {
                return Ok(());
            }
        }
    }
}

/// No code panics under these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<W: Write> Line<W> {
    /// Sends the first `len` bytes of some parts in a frame.
    fn send(&mut self, opcode: OpCode, parts: &[IoSlice<'_>], len: usize) -> io::Result<()> {
        if self.closed {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let mut header = FrameHeader { opcode, ..FrameHeader::default() };
        if self.role == Role::Client {
            let mut mask = [0; 4];
            random(&mut mask)?;
            header.mask = Some(mask);
        }
        self.frame.clear();
        header.format(len as u64, &mut self.frame).map_err(io::Error::other)?;
        let (start, mut left) = (self.frame.len(), len);
        for part in parts {
            let piece = &part[..left.min(part.len())];
            self.frame.extend_from_slice(piece);
            left -= piece.len();
        }
        if let Some(mask) = header.mask {
            apply(mask, 0, &mut self.frame[start..]);
        }
        self.writer.write_all(&self.frame)?;
        self.writer.flush()
    }
}

/// Masks bytes, or takes their mask away; the first is byte `at` of its frame's payload.
pub(super) fn apply(mut mask: [u8; 4], at: usize, bytes: &mut [u8]) {
    mask.rotate_left(at % 4);
    let (words, rest) = bytes.as_chunks_mut::<4>();
    for word in words {
        *word = (u32::from_ne_bytes(*word) ^ u32::from_ne_bytes(mask)).to_ne_bytes();
    }
    rest.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
}

/// What the peer is sent.
pub(crate) struct WebWriter<W: Write + Limit> {
    sending: Arc<Sending<W>>,
    limit: Duration,
}

impl<W: Write + Limit> WebWriter<W> {
    pub(super) fn new(sending: Arc<Sending<W>>) -> Self {
        Self { sending, limit: Duration::MAX }
    }
}

impl<W: Write + Limit> Limit for WebWriter<W> {
    fn limit(&mut self, time: Duration) {
        self.limit = time;
    }

    fn release(&mut self) {
        let mut line = lock(&self.sending.line);
        line.frame = Vec::new();
        line.writer.release();
    }
}

impl<W: Write + Limit> Write for WebWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let len = parts.iter().map(|part| part.len()).sum::<usize>().min(PIECE);
        if len > 0 {
            let mut line = lock(&self.sending.line);
            line.writer.limit(self.limit);
            line.send(OpCode::Data(Data::Binary), parts, len)?;
            drop(line);
            self.sending.pass_on(self.limit)?;
        }
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Says that nothing follows.
impl<W: Write + Limit> Drop for WebWriter<W> {
    fn drop(&mut self) {
        // A peer that is gone already misses nothing.
        let _ = self.sending.close(CloseCode::Normal, "", FAREWELL);
    }
}
