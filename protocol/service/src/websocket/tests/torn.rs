//! Frames that come in pieces, with a wait that ends in between.

use std::io::{self, Cursor, ErrorKind, Read, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gazelle_protocol::transport::Limit;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::super::reader::WebReader;
use super::super::writer::{Role, Sending, apply};
use super::raw;

/// Gives a byte at a time, and runs out of time after each.
struct Slow {
    bytes: Cursor<Vec<u8>>,
    waited: bool,
}

impl Read for Slow {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.waited = !self.waited;
        if self.waited {
            return Err(ErrorKind::TimedOut.into());
        }
        self.bytes.read(&mut buffer[..1])
    }
}

#[derive(Clone, Default)]
struct Sent(Arc<Mutex<Vec<u8>>>);

impl Write for Sent {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Limit for Slow {
    fn limit(&mut self, _: Duration) {}
}

impl Limit for Sent {
    fn limit(&mut self, _: Duration) {}
}

/// Whoever looks whether something comes, and looks again later, gets every byte and answers every ping.
#[test]
fn a_wait_that_ends_loses_nothing() {
    let none = |_: &mut _| ();
    let bytes = [
        raw(OpCode::Data(Data::Binary), none, 3, b"abc"),
        raw(OpCode::Control(Control::Ping), none, 5, b"hello"),
        raw(OpCode::Data(Data::Binary), none, 2, b"de"),
    ]
    .concat();
    let sent = Sent::default();
    let sending = Arc::new(Sending::new(sent.clone(), Role::Server));
    let slow = Slow { bytes: Cursor::new(bytes), waited: false };
    let mut reader = WebReader::new(slow, sending, Role::Server, Vec::new());
    let mut heard = Vec::new();
    loop {
        let mut piece = [0; 8];
        match reader.read(&mut piece) {
            Ok(0) => break,
            Ok(n) => heard.extend_from_slice(&piece[..n]),
            Err(error) => assert_eq!(error.kind(), ErrorKind::TimedOut),
        }
        reader.release();
    }
    assert_eq!(heard, b"abcde");
    assert_eq!(*sent.0.lock().unwrap(), [&[0x8a, 5][..], b"hello"].concat());
}

#[test]
fn a_mask_comes_off_wherever_it_was_cut() {
    let mask = [1, 2, 3, 4];
    let plain: Vec<u8> = (0..40).collect();
    let mut whole = plain.clone();
    apply(mask, 0, &mut whole);
    assert_eq!(whole[..5], [1, 1 ^ 2, 2 ^ 3, 3 ^ 4, 4 ^ 1]);
    for cut in 0..plain.len() {
        let mut pieces = whole.clone();
        let (one, other) = pieces.split_at_mut(cut);
        apply(mask, 0, one);
        apply(mask, cut, other);
        assert_eq!(pieces, plain);
    }
}
