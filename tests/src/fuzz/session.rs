//! Everything that one party of a session reads, from its greeting to its last label.

use super::tamper;
use crate::{parties::tiny_network, rng};
use gazelle_protocol::Error;
use gazelle_protocol::model::Activation;
use gazelle_protocol::session::{Outcome, Server, Settings, Terms, hazmat};
use gazelle_protocol::transport::{Backlog, Channel, HEADER_LEN};
use std::io::{self, Cursor, PipeReader, PipeWriter, Read, Write};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;

/// One frame of an honest session.
struct Frame {
    header: [u8; HEADER_LEN],
    payload: Vec<u8>,
}

/// An honest session: what each party sent. All randomness comes from fixed seeds, so a party that
/// reads the same again answers the same again.
struct Fixture {
    server: Server,
    from_client: Vec<Frame>,
    from_server: Vec<Frame>,
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let server = Server::new(tiny_network(Activation::Argmax), &Settings::default())
        .expect("a small network");
    let ((client_reads, server_writes), (server_reads, client_writes)) = (pipe(), pipe());
    let (from_server, from_client) = (server_writes.copy(), client_writes.copy());
    thread::scope(|scope| {
        scope.spawn(|| serve(&server, server_reads, server_writes).expect("an honest client"));
        classify(client_reads, client_writes).expect("an honest server");
    });
    Fixture { server, from_client: frames(&from_client), from_server: frames(&from_server) }
});

/// The first byte's lowest bit chooses the party that reads, the second byte the frame that is
/// wrong. The next bit of the first byte: its payload is changed, or replaced; the next: its length
/// fits its payload, or stays; the highest four bits are added to its kind.
pub fn session_messages(data: &[u8]) {
    let Some((&[head, number], rest)) = data.split_first_chunk() else { return };
    let Fixture { server, from_client, from_server } = &*FIXTURE;
    let frames = if head & 1 == 0 { from_client } else { from_server };
    let wrong = usize::from(number) % frames.len();
    let stream: Vec<u8> = frames
        .iter()
        .enumerate()
        .flat_map(|(i, frame)| match i == wrong {
            true => changed(frame, head, rest),
            false => [&frame.header, frame.payload.as_slice()].concat(),
        })
        .collect();
    // It may fail, and it may succeed: a changed mask is still a mask.
    let _ = match head & 1 {
        0 => serve(server, Cursor::new(stream), io::sink()),
        _ => classify(Cursor::new(stream), io::sink()).map(drop),
    };
}

fn changed(frame: &Frame, head: u8, rest: &[u8]) -> Vec<u8> {
    let payload = match head & 2 {
        0 => tamper(frame.payload.clone(), rest),
        _ => rest.to_vec(),
    };
    let mut header = frame.header;
    header[0] = header[0].wrapping_add(head >> 4);
    if head & 4 == 0 {
        header[1..].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    }
    [&header, payload.as_slice()].concat()
}

fn channel(reader: impl Read + Send + 'static, writer: impl Write + Send + 'static) -> Channel {
    // A peer that deviates knows its keys: no tag is in its way.
    hazmat::without_tags(Channel::new(reader, writer, None, Backlog::Unlimited))
}

fn serve(
    server: &Server,
    reader: impl Read + Send + 'static,
    writer: impl Write + Send + 'static,
) -> Result<(), Error> {
    let mut channel = channel(reader, writer);
    channel.receive_access()?;
    hazmat::serve(server, channel, rng(0)).map(drop)
}

fn classify(
    reader: impl Read + Send + 'static,
    writer: impl Write + Send + 'static,
) -> Result<Outcome, Error> {
    let mut client = hazmat::connect(channel(reader, writer), &Terms::default(), rng(1))?;
    let bundle = client.offline(1, |_, _| ())?.remove(0);
    let pixels = client.plan().card().input.len();
    let outcome = client.classify(bundle, &vec![200; pixels])?;
    client.close()?;
    Ok(outcome)
}

/// A pipe whose writer keeps a copy.
fn pipe() -> (PipeReader, Copying) {
    let (reader, writer) = io::pipe().expect("a pipe");
    (reader, Copying { writer, copy: Arc::default() })
}

struct Copying {
    writer: PipeWriter,
    copy: Arc<Mutex<Vec<u8>>>,
}

impl Copying {
    fn copy(&self) -> Arc<Mutex<Vec<u8>>> {
        Arc::clone(&self.copy)
    }
}

impl Write for Copying {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.writer.write(bytes)?;
        self.copy.lock().expect("no writer panicked").extend_from_slice(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

fn frames(stream: &Mutex<Vec<u8>>) -> Vec<Frame> {
    let stream = stream.lock().expect("no writer panicked");
    let mut rest = stream.as_slice();
    let mut frames = Vec::new();
    while let Some((&header, after)) = rest.split_first_chunk() {
        let [_, length @ ..]: [u8; HEADER_LEN] = header;
        let (payload, after) = after.split_at(u32::from_le_bytes(length) as usize);
        frames.push(Frame { header, payload: payload.to_vec() });
        rest = after;
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unchanged_recording_is_an_honest_peer() {
        let Fixture { server, from_client, from_server } = &*FIXTURE;
        let stream = |frames: &[Frame]| -> Vec<u8> {
            frames.iter().flat_map(|f| [&f.header, f.payload.as_slice()].concat()).collect()
        };
        serve(server, Cursor::new(stream(from_client)), io::sink()).unwrap();
        let outcome = classify(Cursor::new(stream(from_server)), io::sink()).unwrap();
        assert_eq!(
            outcome.numbers(),
            tiny_network(Activation::Argmax).forward(&[200; 36]).unwrap().result
        );
    }

    #[test]
    fn every_frame_may_be_empty_cut_or_of_another_kind() {
        let Fixture { from_client, from_server, .. } = &*FIXTURE;
        for (party, frames) in [(0, from_client.len()), (1, from_server.len())] {
            for frame in 0..frames as u8 {
                session_messages(&[party | 2, frame]);
                session_messages(&[party | 4, frame, 1]);
                session_messages(&[party | 0x10, frame]);
                session_messages(&[party, frame, 7, 0, 0xff, 40, 0, 0x80]);
            }
        }
    }
}
