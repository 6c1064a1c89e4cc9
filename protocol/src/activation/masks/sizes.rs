//! What the messages of an activation hold: the program, run by nobody.

use rand::SeedableRng;
use rand::rngs::ChaCha20Rng;

use super::Side;
use super::message::{Message, Size};
use super::preparation::Start;
use super::program::Program;
use super::transfer::Keys;

/// What each message holds, in order; the client sends the first offline, the server online.
pub(super) struct Sizes {
    pub(super) offline: Vec<Size>,
    pub(super) online: [Size; 4],
}

impl Sizes {
    /// Runs the program with bits that are all 0, and counts.
    pub(super) fn of(program: &Program) -> Self {
        let side = Side::Client;
        let none = Keys::none();
        let mut offline = Vec::new();
        // Nothing of it is used.
        let rng = &mut ChaCha20Rng::from_seed([0; 32]);
        let start = Start::new(program, &[], [none, none], side, rng);
        let mut size = Size::default();
        let half = start.up(program, side, &mut Message::count(&mut size));
        offline.push(std::mem::take(&mut size));
        let mut rest = half.down(program, &mut Message::count(&mut size));
        offline.push(std::mem::take(&mut size));
        for round in 1..program.offline_rounds() {
            if round > 1 {
                rest.down(round, &mut Message::count(&mut size));
                offline.push(std::mem::take(&mut size));
            }
            rest.up(round, side, &mut Message::count(&mut size));
            offline.push(std::mem::take(&mut size));
        }
        let mut online: [Size; 4] = Default::default();
        let [s1, c1, s2, c2] = &mut online;
        let opened = rest.finish().open(program, &[], side, &mut Message::count(s1));
        let masked = opened.mask(program, side, &mut Message::count(c1));
        let known = masked.reveal(program, side, &mut Message::count(s2));
        known.close(program, &[], side, &mut Message::count(c2));
        Self { offline, online }
    }
}
