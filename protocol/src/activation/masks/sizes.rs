//! What the messages of an activation hold: the program, run by nobody.

use rand::SeedableRng;
use rand::rngs::ChaCha20Rng;

use super::Side;
use super::message::{Message, Size};
use super::preparation::{DownTransfers, Prepared, Start, UpTransfers};
use super::program::Program;
use super::transfer::Keys;

/// What each message holds, in order; the client sends the first offline, the server online.
pub(super) struct Sizes {
    pub(super) offline: Vec<Size>,
    pub(super) online: [Size; 4],
    /// What the client, and the server, store between the phases.
    pub(super) stored: [Size; 2],
}

impl Sizes {
    /// Runs the program with bits that are all 0, and counts.
    pub(super) fn of(program: &Program) -> Self {
        let (side, offline) = (Side::Client, &mut Vec::new());
        let mut prepared = run(program, side, offline);
        let mut stored: [Size; 2] = Default::default();
        for (side, size) in [Side::Client, Side::Server].into_iter().zip(&mut stored) {
            prepared.keep(program, side, &mut Message::count(size));
        }
        let mut online: [Size; 4] = Default::default();
        let [s1, c1, s2, c2] = &mut online;
        let opened = prepared.open(program, &[], side, &mut Message::count(s1));
        let masked = opened.mask(program, side, &mut Message::count(c1));
        let known = masked.reveal(program, side, &mut Message::count(s2));
        known.close(program, &mut [], side, &mut Message::count(c2));
        Self { offline: std::mem::take(offline), online, stored }
    }
}

/// Activations without a secret, for what is stored to be read into.
pub(super) fn blank(program: &Program, side: Side) -> Prepared {
    run(program, side, &mut Vec::new())
}

/// Runs the offline phase with bits that are all 0, and counts.
fn run(program: &Program, side: Side, sizes: &mut Vec<Size>) -> Prepared {
    // Nothing of it is used.
    let rng = &mut ChaCha20Rng::from_seed([0; 32]);
    let up = UpTransfers::new(program, Keys::none());
    let down = DownTransfers::new(program, Keys::none());
    let start = Start::new(program, &[], up, down, side, rng);
    let mut size = Size::default();
    let half = start.up(program, side, &mut Message::count(&mut size));
    sizes.push(std::mem::take(&mut size));
    let mut rest = half.down(program, side, &mut Message::count(&mut size));
    sizes.push(std::mem::take(&mut size));
    for round in 1..program.offline_rounds() {
        if round > 1 {
            rest.down(round, &mut Message::count(&mut size));
            sizes.push(std::mem::take(&mut size));
        }
        rest.up(round, side, &mut Message::count(&mut size));
        sizes.push(std::mem::take(&mut size));
    }
    rest.finish()
}
