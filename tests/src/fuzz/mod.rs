//! The bodies of the fuzz targets: functions of arbitrary bytes that must return.
//!
//! `fuzz/` calls them under libFuzzer; the test `fuzz_seeds` replays `fuzz/seeds/` on stable.

mod garble;
mod image;
mod linear;
mod model;
mod ntt;
mod ot;
mod party;
mod session;
mod vector;

pub use garble::garbled_tables;
pub use image::image_decode;
pub use linear::linear_messages;
pub use model::{card_wire, model_file, onnx_import};
pub use ntt::{inner_product_agrees, ntt_backends_agree, unpack};
pub use ot::{ot_messages, transfer_messages};
pub use party::{hint_messages, mask_messages, party_messages};
pub use session::session_messages;
pub use vector::{bristol_circuit, programs_agree};

/// A target's body.
pub type Body = fn(&[u8]);

/// Every target, by the name of its binary and of its folder of seeds.
pub const TARGETS: &[(&str, Body)] = &[
    ("ot_messages", ot_messages),
    ("transfer_messages", transfer_messages),
    ("ntt_backends_agree", ntt_backends_agree),
    ("inner_product_agrees", inner_product_agrees),
    ("unpack", unpack),
    ("linear_messages", linear_messages),
    ("session_messages", session_messages),
    ("party_messages", party_messages),
    ("hint_messages", hint_messages),
    ("mask_messages", mask_messages),
    ("garbled_tables", garbled_tables),
    ("card_wire", card_wire),
    ("programs_agree", programs_agree),
    ("bristol_circuit", bristol_circuit),
    ("onnx_import", onnx_import),
    ("model_file", model_file),
    ("image_decode", image_decode),
];

/// Replaces bytes of an honest `message` as `edits` says, so that a fuzzer gets past length checks:
/// three bytes for each edit, two for the position (modulo the length) and one to exclusive-or. A
/// last, lone byte cuts that many bytes off the end.
fn tamper(mut message: Vec<u8>, edits: &[u8]) -> Vec<u8> {
    let edits = edits.chunks_exact(3);
    let cut = match edits.remainder() {
        &[cut] => cut.into(),
        _ => 0,
    };
    for edit in edits {
        let position = usize::from(u16::from_le_bytes([edit[0], edit[1]]));
        let length = message.len().max(1);
        if let Some(byte) = message.get_mut(position % length) {
            *byte ^= edit[2];
        }
    }
    message.truncate(message.len().saturating_sub(cut));
    message
}
