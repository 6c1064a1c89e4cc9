//! A client whose bytes somebody else carries, against the one with a channel.

use std::io::{PipeReader, PipeWriter, Read, Write, pipe};

use super::*;
use crate::exchange::{Exchange, Turn};
use crate::frames::Frames;
use crate::party::ClientParty;
use crate::transport::{Backlog, Channel};

/// A client's end: bytes come in pieces of so many.
struct Line {
    frames: Frames,
    up: PipeWriter,
    down: PipeReader,
    piece: usize,
}

impl Line {
    fn run<T>(&mut self, part: Exchange<'_, T>) -> T {
        let mut turn = part.start().unwrap();
        loop {
            turn = match turn {
                Turn::Send(message, next) => {
                    let frame = self.frames.write(message);
                    self.up.write_all(&frame).unwrap();
                    next.go_on().unwrap()
                }
                Turn::Seal(keys, next) => {
                    while !self.frames.seal(&keys).unwrap() {
                        self.hear();
                    }
                    next.go_on().unwrap()
                }
                Turn::Receive(waiting) => loop {
                    match self.frames.read(waiting.expected()).unwrap() {
                        Some(message) => break waiting.receive(message).unwrap(),
                        None => self.hear(),
                    }
                },
                Turn::Done(result) => return result,
            };
        }
    }

    fn hear(&mut self) {
        let mut bytes = vec![0; self.piece];
        let read = self.down.read(&mut bytes).unwrap();
        assert!(read > 0, "the server goes on");
        self.frames.push(&bytes[..read]);
    }
}

/// Class, bytes and rounds of one inference by frames.
fn by_frames(server: &Server, image: &[u8], piece: usize) -> (Outcome, Traffic) {
    let ((up_end, up), (down, down_end)) = (pipe().unwrap(), pipe().unwrap());
    thread::scope(|scope| {
        let channel = Channel::new(up_end, down_end, None, Backlog::SERVER);
        let served = scope.spawn(|| server.serve(channel));
        let mut line = Line { frames: Frames::new(None), up, down, piece };
        let party = line.run(ClientParty::connect(&Terms::NONE, system_rng()));
        let (party, mut bundles) = line.run(party.offline(1));
        let (party, outcome, _left) = line.run(party.online(bundles.remove(0), image));
        let traffic = line.frames.traffic();
        let farewell = line.frames.write(party.close());
        line.up.write_all(&farewell).unwrap();
        assert_eq!(served.join().unwrap().unwrap().inferences, 1);
        (outcome.unwrap(), traffic)
    })
}

#[test]
fn frames_carry_what_channels_do() {
    let mut rng = ChaCha20Rng::seed_from_u64(77);
    let network = network(Activation::Argmax, &mut rng);
    let image: Vec<u8> = (0..network.card().input.len()).map(|_| rng.next_u32() as u8).collect();
    for activations in [EngineChoice::Garbled, EngineChoice::Masks] {
        let settings = Settings { activations, ..Settings::default() };
        let server = Server::new(network.clone(), &settings).unwrap();
        let (near, far) = transport::pair(None);
        let statistics = thread::scope(|scope| {
            let served = scope.spawn(|| server.serve(far));
            let mut client = Client::connect(near, &Terms::NONE).unwrap();
            let bundle = client.offline(1, |_, _| ()).unwrap().remove(0);
            client.classify(bundle, &image).unwrap();
            let statistics = client.statistics();
            client.close().unwrap();
            served.join().unwrap().unwrap();
            statistics
        });
        let Statistics { setup, offline, online } = statistics;
        let phases = [setup, offline, online];
        let label = network.forward(&image).unwrap().label();
        for piece in [1 << 16, 1000, 17] {
            let (outcome, traffic) = by_frames(&server, &image, piece);
            assert_eq!(outcome.label(), Some(label));
            let sum = |f: fn(&Phase) -> u64| phases.iter().map(f).sum::<u64>();
            assert_eq!(traffic.sent, sum(|phase| phase.bytes_up));
            assert_eq!(traffic.received, sum(|phase| phase.bytes_down));
            assert_eq!(traffic.rounds, sum(|phase| phase.rounds));
        }
    }
}
