//! What comes in over a WebSocket.

use std::io::{self, Cursor, ErrorKind, Read, Write};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gazelle_protocol::transport::Limit;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

use super::until;
use super::writer::{Role, Sending, apply};

/// The most bytes of a frame that is received.
pub(super) const MAX_FRAME: u64 = 16 << 20;
/// The most bytes of a message that is received, in however many frames.
pub(super) const MAX_MESSAGE: u64 = 64 << 20;
/// The most bytes of a control frame, by the standard.
const MAX_CONTROL: usize = 125;
/// How long a peer that breaks the protocol may take to be told.
const NOTICE: Duration = Duration::from_secs(2);
/// Bytes that are read ahead of a frame's data.
const AHEAD: usize = 1 << 12;

/// What the peer sends, out of its frames: data is handed on as it comes, so that no frame and no
/// message is ever held as a whole.
pub(crate) struct WebReader<R, W> {
    reader: R,
    sending: Arc<Sending<W>>,
    role: Role,
    /// Bytes that were read, of which `rest` has not been looked at.
    ahead: Vec<u8>,
    rest: Range<usize>,
    frame: Frame,
    /// Bytes of the message so far, while more of its frames must come.
    message: Option<u64>,
    /// The peer has closed.
    closed: bool,
    limit: Duration,
}

/// The data frame that is being read.
#[derive(Default)]
struct Frame {
    mask: [u8; 4],
    /// Bytes that were read, and that are still to come.
    read: usize,
    left: usize,
}

impl<R, W> WebReader<R, W> {
    /// Reads on from `ahead`, which was read with the upgrade.
    pub(super) fn new(reader: R, sending: Arc<Sending<W>>, role: Role, ahead: Vec<u8>) -> Self {
        let rest = 0..ahead.len();
        let (frame, message) = (Frame::default(), None);
        let (closed, limit) = (false, Duration::MAX);
        Self { reader, sending, role, ahead, rest, frame, message, closed, limit }
    }
}

impl<R: Read + Limit, W: Write + Limit> WebReader<R, W> {
    /// Reads something ahead; false if the connection has ended.
    fn fill(&mut self, deadline: Option<Instant>) -> io::Result<bool> {
        self.ahead.copy_within(self.rest.clone(), 0);
        self.rest = 0..self.rest.len();
        self.ahead.resize(AHEAD.max(self.rest.end + MAX_CONTROL), 0);
        self.reader.limit(until(deadline)?);
        let read = self.reader.read(&mut self.ahead[self.rest.end..])?;
        self.rest.end += read;
        Ok(read > 0)
    }

    /// Reads into `buffer` from the frame that has bytes left.
    fn data(&mut self, buffer: &mut [u8], deadline: Option<Instant>) -> io::Result<usize> {
        let most = buffer.len().min(self.frame.left);
        let read = match self.rest.len().min(most) {
            0 => {
                self.reader.limit(until(deadline)?);
                self.reader.read(&mut buffer[..most])?
            }
            ready => {
                let start = self.rest.start;
                buffer[..ready].copy_from_slice(&self.ahead[start..start + ready]);
                self.rest.start += ready;
                ready
            }
        };
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        apply(self.frame.mask, self.frame.read, &mut buffer[..read]);
        self.frame.read += read;
        self.frame.left -= read;
        Ok(read)
    }

    /// The next frame's header and length; none if the connection ends before it.
    fn header(&mut self, deadline: Option<Instant>) -> io::Result<Option<(FrameHeader, u64)>> {
        loop {
            let mut cursor = Cursor::new(&self.ahead[self.rest.clone()]);
            match FrameHeader::parse(&mut cursor) {
                // A control frame is taken up whole: whoever has waited long enough may come back.
                Ok(Some((header, len))) if !lacks(&cursor, &header, len) => {
                    self.rest.start += cursor.position() as usize;
                    return Ok(Some((header, len)));
                }
                Ok(_) => {}
                Err(_) => return Err(self.fail(CloseCode::Protocol, "a frame of no known kind")),
            }
            match (self.fill(deadline)?, self.rest.is_empty()) {
                (true, _) => {}
                (false, true) => return Ok(None),
                (false, false) => return Err(ErrorKind::UnexpectedEof.into()),
            }
        }
    }

    /// Begins a frame, or answers it if it is a control frame.
    fn begin(
        &mut self,
        header: &FrameHeader,
        len: u64,
        deadline: Option<Instant>,
    ) -> io::Result<()> {
        let wrong = |reader: &Self, why| Err(reader.fail(CloseCode::Protocol, why));
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return wrong(self, "a frame of an extension that nobody agreed on");
        }
        if header.mask.is_some() != (self.role == Role::Server) {
            return wrong(self, "a frame that is masked by the wrong party");
        }
        let mask = header.mask.unwrap_or_default();
        let before = match header.opcode {
            OpCode::Control(code) => {
                return self.control(code, mask, len, header.is_final, deadline);
            }
            OpCode::Data(Data::Text) => {
                return Err(self.fail(CloseCode::Unsupported, "text; a session is binary"));
            }
            OpCode::Data(Data::Continue) => self.message.take(),
            OpCode::Data(_) if self.message.is_some() => None,
            OpCode::Data(_) => Some(0),
        };
        let Some(before) = before else { return wrong(self, "a message's frames out of order") };
        let message = before.saturating_add(len);
        if len > MAX_FRAME || message > MAX_MESSAGE {
            return Err(self.fail(CloseCode::Size, "a frame or a message that is too long"));
        }
        self.message = (!header.is_final).then_some(message);
        self.frame = Frame { mask, read: 0, left: len as usize };
        Ok(())
    }

    /// Answers a control frame.
    fn control(
        &mut self,
        code: Control,
        mask: [u8; 4],
        len: u64,
        whole: bool,
        deadline: Option<Instant>,
    ) -> io::Result<()> {
        let Some(len) = usize::try_from(len).ok().filter(|&len| len <= MAX_CONTROL && whole) else {
            return Err(self.fail(CloseCode::Protocol, "a control frame that is too long"));
        };
        let start = self.rest.start;
        let mut payload = self.ahead[start..start + len].to_vec();
        self.rest.start += len;
        apply(mask, 0, &mut payload);
        let time = until(deadline)?;
        match code {
            Control::Ping => self.sending.answer(Control::Pong, payload, time),
            Control::Close => {
                self.closed = true;
                // The code comes back, its words need not.
                payload.truncate(2);
                self.sending.answer(Control::Close, payload, time)
            }
            _ => Ok(()),
        }
    }

    /// Tells the peer and the caller that it breaks the protocol.
    fn fail(&self, code: CloseCode, what: &str) -> io::Error {
        // The caller is told in any case.
        let _ = self.sending.close(code, what, self.limit.min(NOTICE));
        io::Error::new(ErrorKind::InvalidData, format!("the peer's WebSocket sent {what}"))
    }
}

/// Whether a control frame's payload is still to come behind the header where the cursor stands.
fn lacks(cursor: &Cursor<&[u8]>, header: &FrameHeader, len: u64) -> bool {
    let there = cursor.get_ref().len() as u64 - cursor.position();
    matches!(header.opcode, OpCode::Control(_)) && len <= MAX_CONTROL as u64 && there < len
}

impl<R: Limit, W> Limit for WebReader<R, W> {
    fn limit(&mut self, time: Duration) {
        self.limit = time;
    }

    fn release(&mut self) {
        if self.rest.is_empty() {
            (self.ahead, self.rest) = (Vec::new(), 0..0);
        }
        self.reader.release();
    }
}

/// Frames without data earn no time: they are read within one limit.
impl<R: Read + Limit, W: Write + Limit> Read for WebReader<R, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let deadline = Instant::now().checked_add(self.limit);
        while !self.closed && !buffer.is_empty() {
            if self.frame.left > 0 {
                return self.data(buffer, deadline);
            }
            match self.header(deadline)? {
                Some((header, len)) => self.begin(&header, len, deadline)?,
                None => break,
            }
        }
        Ok(0)
    }
}
