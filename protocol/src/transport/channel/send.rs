//! What a channel sends, and how it ends.

use std::net::Shutdown;
use std::time::{Duration, Instant};

use super::Channel;
use super::rest::Writer;
use crate::error::Error;
use crate::frames::{MAX_REFUSAL, header};
use crate::transport::limits::drain;
use crate::transport::queue::{Frame, Item};
use crate::transport::{FRAME_LEN, HEADER_LEN, Kind, TransportFault};
use crate::wire::{Access, Payload};

/// How long a peer that is refused may take to notice.
const NOTICE: Duration = Duration::from_secs(2);

impl Channel {
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
        let Writer::Running(writer) = std::mem::take(&mut self.writer) else { return };
        self.queue.close();
        if let Some(stream) = &self.stream
            && !self.queue.ended_within(self.patience.phase)
        {
            // This wakes the thread; a connection that is gone needs no end.
            let _ = stream.shutdown(Shutdown::Both);
        }
        // The connection is over; its failure has no other consequence.
        let _ = writer.join();
    }

    /// Why the writing thread ended.
    pub(super) fn writer_fault(&mut self) -> TransportFault {
        self.queue.fault().unwrap_or(TransportFault::Closed)
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.flush();
    }
}

/// The whole frame of a refusal, before there is a key.
pub(in crate::transport) fn refusal(why: &str) -> Vec<u8> {
    [&header(Kind::Refusal, why.as_bytes())[..], why.as_bytes()].concat()
}
