//! Every message of a session, byte for byte: `docs/wire.md` says what they are made of.

use std::fmt::Write;

use gazelle_protocol::model::Activation;
use gazelle_protocol::party::Service;
use gazelle_protocol::session::Settings;
use gazelle_protocol::wire::Message;
use gazelle_tests::messages::{Transcript, record};
use gazelle_tests::parties::tiny_network;
use sha2::{Digest, Sha256};

/// The messages of one party: how many of each kind in a row, and the hash of all that came so far.
fn digest(messages: &[Message]) -> String {
    let (mut hash, mut out) = (Sha256::new(), String::new());
    for group in messages.chunk_by(|a, b| a.kind == b.kind) {
        for Message { kind, payload } in group {
            hash.update([*kind as u8]);
            hash.update((payload.len() as u32).to_le_bytes());
            hash.update(payload);
        }
        let bytes: usize = group.iter().map(|message| message.payload.len()).sum();
        let sum: [u8; 32] = hash.clone().finalize().into();
        let name = format!("{:?}", group[0].kind);
        write!(out, "{name:<12}{:>2}{bytes:>8}  ", group.len()).unwrap();
        sum[..8].iter().for_each(|byte| write!(out, "{byte:02x}").unwrap());
        out.push('\n');
    }
    out
}

/// What both parties of a session say, with fixed randomness.
fn transcript() -> String {
    let service = Service::new(tiny_network(Activation::Argmax), &Settings::default()).unwrap();
    let (Transcript { from_client, from_server }, outcome) = record(&service, &[200; 36]);
    let trace = tiny_network(Activation::Argmax).forward(&[200; 36]).unwrap();
    assert_eq!(outcome.numbers(), trace.result);
    format!("client\n{}server\n{}", digest(&from_client), digest(&from_server))
}

/// With fixed seeds every byte is the same on every machine, whatever instructions and however many
/// threads it has. Who changes a message on purpose changes its description too, writes the
/// transcript anew (`cargo test -p gazelle-tests --test wire -- --ignored`), and asks whether old
/// programs must refuse it: then the version goes up.
#[test]
fn the_golden_transcript() {
    let (now, golden) = (transcript(), include_str!("wire.transcript"));
    assert!(now == golden, "the messages changed; they are now\n{now}");
}

#[test]
#[ignore = "writes tests/tests/wire.transcript"]
fn write_the_golden_transcript() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wire.transcript");
    std::fs::write(path, transcript()).unwrap();
}
