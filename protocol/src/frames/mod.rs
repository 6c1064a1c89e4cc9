//! Frames without I/O: messages as the bytes of a connection, and back.
//!
//! A frame is its kind (1 byte), the length of its payload (4 bytes, little-endian), the payload,
//! and, once the parties have a common key, a tag (16 bytes) that shows whether anything was
//! changed, left out, repeated or moved on the way. [`Frames`] is for whoever is called when bytes
//! come, as in a browser; `transport` has channels for programs that wait for them.

mod fault;
mod seal;
#[cfg(test)]
mod tests;

pub use fault::TransportFault;
pub(crate) use seal::Seal;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::domain;
use crate::error::{Error, PeerFault};
use crate::exchange::FrameKeys;
use crate::text::printable;
use crate::wire::{Expected, HEADER_LEN, Kind, Message, TAG_LEN, Traffic};

/// Bytes of the challenge with which a server begins a WebSocket.
pub const CHALLENGE_LEN: usize = 32;
/// The longest refusal.
pub(crate) const MAX_REFUSAL: usize = 512;

/// A frame's kind and length.
pub(crate) type Header = [u8; HEADER_LEN];

/// One party's end of a connection whose bytes somebody else carries, in order, both ways.
pub struct Frames {
    /// The host of a WebSocket, until the server's challenge is there.
    host: Option<String>,
    /// What the session is bound to, if the connection has such a thing.
    binding: Option<[u8; 32]>,
    incoming: Incoming,
    /// What makes the tags of what is sent, once it bears some.
    sent: Option<Seal>,
    /// What checks the tags of what is received, once it bears some.
    received: Option<Seal>,
    /// The frame that came last, until there is a key: its tag may be the first.
    last: Option<Message>,
    traffic: Traffic,
    /// Whether the last frame of this party was sent after the last one it received.
    spoke: bool,
}

impl Frames {
    /// Frames on a connection with this binding, if it has one.
    pub fn new(binding: Option<[u8; 32]>) -> Self {
        Self {
            host: None,
            binding,
            incoming: Incoming::default(),
            sent: None,
            received: None,
            last: None,
            traffic: Traffic::default(),
            spoke: false,
        }
    }

    /// The client's frames inside a WebSocket to `host`, as the request's header has it: with its port,
    /// unless that is the usual one. The server's challenge comes before its first frame.
    pub fn in_websocket(host: impl Into<String>) -> Self {
        Self { host: Some(host.into()), ..Self::new(None) }
    }

    /// What went through so far.
    pub fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// The frame of a message, to be sent after all those before it.
    ///
    /// # Panics
    /// If the payload has 4 GiB or more.
    pub fn write(&mut self, message: Message) -> Vec<u8> {
        let Message { kind, mut payload } = message;
        let header = header(kind, &payload);
        let tag = self.sent.as_mut().map(|seal| seal.tag(&header, &payload));
        drop(payload.splice(..0, header));
        payload.extend_from_slice(tag.as_ref().map_or(&[][..], |tag| tag));
        self.traffic.sent += payload.len() as u64;
        self.spoke = true;
        payload
    }

    /// Takes bytes that have come, however few or many.
    pub fn push(&mut self, bytes: &[u8]) {
        self.incoming.push(bytes);
    }

    /// The peer's next message, if it is all there.
    ///
    /// # Errors
    /// [`PeerFault`] if it is none that is expected, [`Error::Refused`] if the peer ends the session,
    /// [`TransportFault::Altered`] if it was changed on the way.
    pub fn read(&mut self, expected: &Expected) -> Result<Option<Message>, Error> {
        if std::mem::take(&mut self.spoke) {
            self.traffic.rounds += 1;
        }
        if let Some(host) = &self.host {
            let Some(challenge) = self.incoming.take(0, CHALLENGE_LEN) else { return Ok(None) };
            self.binding = challenge.first_chunk().map(|bytes| websocket_binding(bytes, host));
            self.host = None;
        }
        let Some(header) = self.incoming.header() else { return Ok(None) };
        let (kind, len) =
            read_header(&header, &expected.longest()).map_err(|fault| expected.explain(fault))?;
        let tag_len = if self.received.is_some() { TAG_LEN } else { 0 };
        let Some(mut payload) = self.incoming.take(HEADER_LEN, len + tag_len) else {
            return Ok(None);
        };
        self.traffic.received += (HEADER_LEN + payload.len()) as u64;
        let tag = payload.split_off(len);
        if let Some(seal) = &mut self.received {
            seal.check(&header, &payload, tag.first_chunk().ok_or(TransportFault::Altered)?)?;
        }
        if kind == Kind::Refusal {
            return Err(refused(&payload));
        }
        let message = Message { kind, payload };
        if self.received.is_none() {
            self.last = Some(message.clone());
        }
        Ok(Some(message))
    }

    /// From the next frame on, frames bear tags in both directions; with [`FrameKeys::opened`], so
    /// did the frame that came last: whether that tag is there by now. If it is not, nothing has
    /// changed, and the call is to be repeated when more has come.
    ///
    /// # Errors
    /// [`TransportFault::Altered`] if that tag is wrong.
    pub fn seal(&mut self, keys: &FrameKeys) -> Result<bool, Error> {
        let seal = |key| Seal::new(&bound(key, self.binding.as_ref()));
        let (sent, mut received) = (seal(&keys.sent), seal(&keys.received));
        if let Some(Message { kind, payload }) = self.last.as_ref().filter(|_| keys.opened) {
            let Some(tag) = self.incoming.take(0, TAG_LEN) else { return Ok(false) };
            self.traffic.received += TAG_LEN as u64;
            let tag = tag.first_chunk().ok_or(TransportFault::Altered)?;
            received.check(&header(*kind, payload), payload, tag)?;
        }
        self.last = None;
        (self.sent, self.received) = (Some(sent), Some(received));
        Ok(true)
    }
}

/// Bytes that have come and were not read yet.
#[derive(Default)]
struct Incoming {
    bytes: Vec<u8>,
    /// How many of them were read.
    read: usize,
}

impl Incoming {
    fn push(&mut self, bytes: &[u8]) {
        // What was read goes away when it is more than what is left, so each byte moves once.
        if self.read > self.bytes.len() / 2 {
            self.bytes.drain(..self.read);
            self.read = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    fn rest(&self) -> &[u8] {
        &self.bytes[self.read..]
    }

    fn header(&self) -> Option<Header> {
        self.rest().first_chunk().copied()
    }

    /// The `len` bytes after the next `skip`, if they are all there; all of them are read then.
    fn take(&mut self, skip: usize, len: usize) -> Option<Vec<u8>> {
        let taken = self.rest().get(skip..)?.get(..len)?.to_vec();
        self.read += skip + len;
        Some(taken)
    }
}

/// A frame's header.
///
/// # Panics
/// If the payload has 4 GiB or more.
pub(crate) fn header(kind: Kind, payload: &[u8]) -> Header {
    let len = u32::try_from(payload.len()).expect("frames are far below 4 GiB");
    let [a, b, c, d] = len.to_le_bytes();
    [kind as u8, a, b, c, d]
}

/// The kind and the length of a frame of one of the kinds in `expected`, each with its largest length,
/// or of a refusal.
pub(crate) fn read_header(
    header: &Header,
    expected: &[(Kind, usize)],
) -> Result<(Kind, usize), PeerFault> {
    let [kind, len @ ..] = *header;
    let len = u32::from_le_bytes(len) as usize;
    let refusal = [(Kind::Refusal, MAX_REFUSAL)];
    let known = expected.iter().chain(&refusal).find(|(known, _)| *known as u8 == kind);
    match known {
        None => {
            let expected = expected.first().map_or("nothing", |(kind, _)| kind.name());
            Err(PeerFault::Kind { expected, got: kind })
        }
        Some(&(kind, most)) if len > most => {
            Err(PeerFault::Length { message: kind.name(), expected: most, got: len })
        }
        Some(&(kind, _)) => Ok((kind, len)),
    }
}

/// The peer's last words.
pub(crate) fn refused(words: &[u8]) -> Error {
    Error::Refused(printable(&String::from_utf8_lossy(words)))
}

/// The key of a direction's tags on a connection with this binding.
pub(crate) fn bound(key: &[u8; 32], binding: Option<&[u8; 32]>) -> Zeroizing<[u8; 32]> {
    let Some(binding) = binding else { return Zeroizing::new(*key) };
    let hash = Sha256::new().chain_update(domain::CHANNEL_BINDING).chain_update(key);
    Zeroizing::new(hash.chain_update(binding).finalize().into())
}

/// What a session inside a WebSocket is bound to: the server's challenge, and the host in the request's
/// header, with its port unless that is the usual one.
pub fn websocket_binding(challenge: &[u8; CHALLENGE_LEN], host: &str) -> [u8; 32] {
    let hash = Sha256::new().chain_update(domain::WEBSOCKET).chain_update(challenge);
    hash.chain_update(host).finalize().into()
}
