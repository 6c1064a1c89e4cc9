//! What a channel receives.

use std::io::{BufRead, ErrorKind, Read};
use std::time::{Duration, Instant};

use super::{BUFFER, Channel};
use crate::error::{Error, PeerFault};
use crate::frames::{MAX_REFUSAL, read_header, refused};
use crate::text::printable;
use crate::transport::patience::until;
use crate::transport::{HEADER_LEN, Kind, TAG_LEN, TransportFault};
use crate::wire::{Access, Payload};

/// Bytes of a payload that are read together: several of the reader's buffers, so that most of them do
/// not go through it, and less than a core's cache.
const PIECE: usize = 1 << 18;

/// The words of a refusal that a peer sends before there is a key, if its first byte says that it is one.
pub(in crate::transport) fn refusal_words(
    mut reader: impl Read,
    first: u8,
) -> Result<Option<String>, TransportFault> {
    if first != Kind::Refusal as u8 {
        return Ok(None);
    }
    let mut header = [0; HEADER_LEN];
    reader.read_exact(&mut header)?;
    let [_, len @ ..] = header;
    let mut words = vec![0; MAX_REFUSAL.min(u32::from_le_bytes(len) as usize)];
    reader.read_exact(&mut words)?;
    Ok(Some(printable(&String::from_utf8_lossy(&words))))
}

impl Channel {
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
        let (kind, len) = read_header(&header, expected)?;
        let payload = self.read_payload(len)?;
        if kind == Kind::Refusal {
            return Err(self.refused(&header, &payload));
        }
        Ok((kind, header, payload))
    }

    /// The peer's last words, if they are its own.
    fn refused(&mut self, header: &[u8; HEADER_LEN], words: &[u8]) -> Error {
        match self.check_tag(header, words) {
            Ok(()) => refused(words),
            Err(error) => error,
        }
    }

    /// Reads a frame's tag and checks it, if frames bear tags by now.
    pub(super) fn check_tag(
        &mut self,
        header: &[u8; HEADER_LEN],
        payload: &[u8],
    ) -> Result<(), Error> {
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
}
