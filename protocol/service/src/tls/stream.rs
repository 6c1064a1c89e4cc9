//! A TLS connection read by one thread and written by another.
//!
//! Both share TLS's state behind a lock, and neither holds the lock while it waits for the network:
//! the reader takes bytes from the socket first and decrypts them then, the writer encrypts first and
//! gives bytes to the socket then. So both parties may send at once for as long as they like, which
//! a TLS stream with one thread does not allow. Only the writer encrypts, so that records leave in
//! their order.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gazelle_protocol::transport::{Ends, Limit, Patience};
use rustls::Connection;

use super::fault::into_io;
use super::handshake::Timed;

/// Bytes that are taken from the socket at a time.
const PIECE: usize = 1 << 16;

/// How long the last words may take.
const FAREWELL: Duration = Duration::from_millis(100);

struct Shared {
    connection: Mutex<Connection>,
    stream: Arc<TcpStream>,
}

impl Shared {
    /// A panic under the lock would be TLS's, and leaves a connection that fails.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The socket, for so long from now on.
    fn within(&self, time: Duration) -> Timed<'_> {
        Timed { stream: &self.stream, deadline: Instant::now().checked_add(time) }
    }
}

/// The two directions of a connection whose handshake is over.
pub(super) fn ends(
    connection: Connection,
    stream: TcpStream,
    start: Instant,
    patience: Patience,
    binding: [u8; 32],
) -> Ends<TlsReader, TlsWriter> {
    let stream = Arc::new(stream);
    let connection = Mutex::new(connection);
    let shared = Arc::new(Shared { connection, stream: Arc::clone(&stream) });
    let limit = Duration::MAX;
    let writer = TlsWriter { shared: Arc::clone(&shared), records: Vec::new(), limit };
    let reader = TlsReader { shared, piece: Vec::new(), rest: 0..0, limit };
    Ends { reader, writer, stream: Some(stream), patience, start, binding: Some(binding) }
}

/// What the peer sends.
pub(crate) struct TlsReader {
    shared: Arc<Shared>,
    /// Bytes of the socket, of which `rest` has not been decrypted yet.
    piece: Vec<u8>,
    rest: Range<usize>,
    limit: Duration,
}

impl TlsReader {
    /// Decrypts what there is until something comes out of it; how many bytes, or none yet.
    fn decrypt(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let mut connection = self.shared.connection();
        loop {
            match connection.reader().read(buffer) {
                Ok(read) => return Ok(Some(read)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            if self.rest.is_empty() {
                return Ok(None);
            }
            self.rest.start += connection.read_tls(&mut &self.piece[self.rest.clone()])?;
            connection.process_new_packets().map_err(|error| into_io(&error))?;
        }
    }
}

impl Limit for TlsReader {
    fn limit(&mut self, time: Duration) {
        self.limit = time;
    }

    fn release(&mut self) {
        if self.rest.is_empty() {
            self.piece = Vec::new();
            // TLS's own buffer is made as short as it may be before it reads.
            let _ = self.shared.connection().read_tls(&mut NothingYet);
        }
    }
}

/// A connection on which nothing has come.
struct NothingYet;

impl Read for NothingYet {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(ErrorKind::WouldBlock.into())
    }
}

impl Read for TlsReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let deadline = Instant::now().checked_add(self.limit);
        loop {
            if let Some(read) = self.decrypt(buffer)? {
                return Ok(read);
            }
            self.piece.resize(PIECE, 0);
            let mut timed = Timed { stream: &self.shared.stream, deadline };
            match timed.read(&mut self.piece)? {
                0 => return Ok(0),
                read => self.rest = 0..read,
            }
        }
    }
}

/// What the peer is sent.
pub(crate) struct TlsWriter {
    shared: Arc<Shared>,
    /// Records that are being written.
    records: Vec<u8>,
    limit: Duration,
}

impl TlsWriter {
    /// Writes what TLS has to send.
    fn send(&mut self, time: Duration) -> io::Result<()> {
        self.shared.within(time).write_all(&self.records)
    }

    /// Takes what TLS has to send.
    fn take(connection: &mut Connection, records: &mut Vec<u8>) -> io::Result<()> {
        records.clear();
        while connection.wants_write() {
            connection.write_tls(records)?;
        }
        Ok(())
    }
}

impl Limit for TlsWriter {
    fn limit(&mut self, time: Duration) {
        self.limit = time;
    }

    fn release(&mut self) {
        self.records = Vec::new();
    }
}

impl Write for TlsWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut connection = self.shared.connection();
        let taken = connection.writer().write_vectored(parts)?;
        Self::take(&mut connection, &mut self.records)?;
        drop(connection);
        self.send(self.limit)?;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Says that nothing follows.
impl Drop for TlsWriter {
    fn drop(&mut self) {
        let mut connection = self.shared.connection();
        connection.send_close_notify();
        let taken = Self::take(&mut connection, &mut self.records);
        drop(connection);
        // A peer that is gone already misses nothing.
        let _ = taken.and_then(|()| self.send(FAREWELL));
    }
}
