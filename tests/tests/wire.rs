//! Every message of a session, byte for byte: `docs/wire.md` says what they are made of.

use std::env;
use std::fmt::Write;
use std::process::Command;

use gazelle_protocol::model::Activation;
use gazelle_protocol::ot::silent::LpnSet;
use gazelle_protocol::party::Service;
use gazelle_protocol::plan::{EngineChoice, TransferSource};
use gazelle_protocol::session::{LinearChoice, Settings};
use gazelle_protocol::wire::Message;
use gazelle_tests::messages::{Transcript, record};
use gazelle_tests::parties::tiny_network;
use gazelle_tests::rng;
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
        write!(out, "{name:<13}{:>2}{bytes:>8}  ", group.len()).unwrap();
        sum[..8].iter().for_each(|byte| write!(out, "{byte:02x}").unwrap());
        out.push('\n');
    }
    out
}

/// What both parties of a session say, with fixed randomness, each on so many threads: garbled, by masks
/// from the extension and from silent transfers, and with a hint.
fn transcript(threads: usize) -> String {
    let garbled = Settings::default();
    let masks = Settings { activations: EngineChoice::Masks, ..garbled };
    let silent = TransferSource::Silent(LpnSet::K17);
    let sessions = [
        ("garbled", garbled),
        ("masks", Settings { transfers: TransferSource::SoftSpoken, ..masks }),
        ("silent transfers", Settings { transfers: silent, ..masks }),
        ("with a hint", Settings { linear: LinearChoice::Hint, ..garbled }),
    ];
    let network = tiny_network(Activation::Argmax);
    let trace = network.forward(&[200; 36]).unwrap();
    let of_session = |(name, settings): &(&str, Settings)| {
        let service = Service::new(network.clone(), settings, &mut rng(0)).unwrap();
        let (transcript, outcome) = record(&service, &[200; 36], threads);
        assert_eq!(outcome.numbers(), trace.result);
        let Transcript { from_client, from_server } = transcript;
        let [client, server] = [from_client, from_server].map(|messages| digest(&messages));
        format!("{name}, client\n{client}{name}, server\n{server}")
    };
    sessions.iter().map(of_session).collect()
}

/// With fixed seeds every byte is the same on every machine, whatever instructions and however many
/// threads it has. Who changes a message on purpose changes its description too, writes the
/// transcript anew (`cargo test -p gazelle-tests --test wire -- --ignored`), and asks whether old
/// programs must refuse it: then the version goes up.
#[test]
fn the_golden_transcript() {
    let golden = include_str!("wire.transcript");
    for threads in [1, 3] {
        let now = transcript(threads);
        assert!(now == golden, "the messages changed; on {threads} threads they are now\n{now}");
    }
}

/// The same without vector instructions, which a process chooses once.
#[test]
fn the_golden_transcript_on_scalar_kernels() {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "the_golden_transcript"]).env("GAZELLE_BACKEND", "scalar");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
#[ignore = "writes tests/tests/wire.transcript"]
fn write_the_golden_transcript() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wire.transcript");
    std::fs::write(path, transcript(2)).unwrap();
}
