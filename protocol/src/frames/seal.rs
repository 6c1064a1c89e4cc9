//! What shows that a frame is the one that the peer sent, in its place.
//!
//! A Wegman–Carter authenticator ("New hash functions and their use in authentication and set
//! equality", JCSS 1981; the pad by a cipher as in GMAC). Each direction has a key H of the
//! polynomial hash over GF(2^128) and an AES key. Frame number i of a direction has the tag
//!
//!   hash_H(payload ‖ zeros to whole blocks ‖ header ‖ zeros) ⊕ AES(i)
//!
//! The header holds the payload's length, so different frames hash different messages. A frame that
//! was changed, or stands in another place, or comes back to its sender, passes with probability
//! at most (n + 1)/2^128 for n blocks of payload, 2^−102 for the longest one, AES being a
//! pseudorandom permutation. Counters never repeat: a direction has fewer than 2^64 frames.
//!
//! The keys come from the session's name and one base transfer, so the first tag of each direction
//! also confirms that both parties saw the same set-up. Nobody is authenticated: who sits between
//! the parties from the first byte on can set up a session with each of them.

use gazelle_kernels::AesBackend;
use gazelle_kernels::gf128::PolynomialHash;
use gazelle_kernels::prg::Seeds;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::TransportFault;
use crate::wire::{HEADER_LEN, TAG_LEN};

/// One direction's keys, and how many frames have passed. Wiped when dropped.
pub(crate) struct Seal {
    /// H.
    key: Zeroizing<u128>,
    /// What hashes under it; made when it is used.
    hash: Option<Box<PolynomialHash>>,
    pads: Seeds,
    next: u64,
}

impl Seal {
    /// A direction's seal from 32 uniform bytes that only the parties know.
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        let half = |i: usize| u128::from_le_bytes(key.as_chunks::<16>().0[i]);
        Self {
            key: Zeroizing::new(half(0)),
            hash: None,
            pads: Seeds::new(AesBackend::best(), &[half(1)]),
            next: 0,
        }
    }

    /// The next frame's tag.
    pub(crate) fn tag(&mut self, header: &[u8; HEADER_LEN], payload: &[u8]) -> [u8; TAG_LEN] {
        let new = || Box::new(PolynomialHash::new(AesBackend::best(), *self.key));
        let hash = self.hash.get_or_insert_with(new);
        let hash = hash.update(hash.update(0, payload), header);
        let mut pad = [0];
        self.pads.stream(0, 0, self.next, &mut pad);
        self.next += 1;
        (hash ^ pad[0]).to_le_bytes()
    }

    /// Takes as little memory as it can until it is used again.
    #[cfg(feature = "os")]
    pub(crate) fn shrink(&mut self) {
        self.hash = None;
    }

    /// Checks the next frame's tag.
    pub(crate) fn check(
        &mut self,
        header: &[u8; HEADER_LEN],
        payload: &[u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), TransportFault> {
        match bool::from(self.tag(header, payload).ct_eq(tag)) {
            true => Ok(()),
            false => Err(TransportFault::Altered),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame: its kind and its payload.
    type Frame<'a> = (u8, &'a [u8]);

    const SENT: [Frame<'_>; 3] = [(1, b"first"), (1, &[0; 16]), (2, b"")];

    fn header((kind, payload): Frame<'_>) -> [u8; HEADER_LEN] {
        [kind, payload.len() as u8, 0, 0, 0]
    }

    /// Whether one end takes all frames that it sees for those that the other end sent, each with
    /// the tag of a frame that was sent.
    fn passes(seen: &[(Frame<'_>, usize)]) -> bool {
        let (mut sender, mut receiver) = (Seal::new(&[7; 32]), Seal::new(&[7; 32]));
        let tags = SENT.map(|frame| sender.tag(&header(frame), frame.1));
        let check = |&(frame, tag): &(Frame<'_>, usize)| {
            receiver.check(&header(frame), frame.1, &tags[tag]).is_ok()
        };
        seen.iter().all(check)
    }

    #[test]
    fn frames_pass_in_their_order_alone() {
        let [first, second, third] = SENT;
        assert!(passes(&[(first, 0), (second, 1), (third, 2)]));
        let changed: [Frame<'_>; 4] = [(1, b"First"), (2, b"first"), (1, b"first\0"), (1, b"firs")];
        for frame in changed {
            assert!(!passes(&[(frame, 0)]), "{frame:?}");
        }
        for (what, seen) in [
            ("left out", vec![(second, 1)]),
            ("repeated", vec![(first, 0), (first, 0)]),
            ("moved", vec![(first, 0), (third, 2)]),
            ("with another's tag", vec![(first, 0), (second, 0)]),
            ("cut", vec![(first, 0), ((1, &[0; 15]), 1)]),
        ] {
            assert!(!passes(&seen), "{what}");
        }
    }

    #[test]
    fn a_flipped_bit_of_a_tag_does_not_pass() {
        let frame = SENT[0];
        let tag = Seal::new(&[7; 32]).tag(&header(frame), frame.1);
        for bit in 0..128 {
            let mut wrong = tag;
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(Seal::new(&[7; 32]).check(&header(frame), frame.1, &wrong).is_err(), "{bit}");
        }
    }

    /// With H = X and an AES key of zeros.
    #[test]
    fn a_tag_is_what_the_module_says() {
        let mut key = [0; 32];
        key[0] = 2;
        let tag = Seal::new(&key).tag(&[1, 1, 0, 0, 0], &[1]);
        // 1·X² + header·X.
        let hash = 4u128 ^ (0x101 << 1);
        // AES-128 of zeros under the key of zeros, as in the test cases of the GCM specification.
        let pad = 0x66e9_4bd4_ef8a_2c3b_884c_fa59_ca34_2b2e_u128.swap_bytes();
        assert_eq!(u128::from_le_bytes(tag) ^ hash, pad);
    }

    #[test]
    fn directions_do_not_share_tags() {
        let [mut one, mut other] = [7, 8].map(|byte| Seal::new(&[byte; 32]));
        let frame = SENT[0];
        assert_ne!(one.tag(&header(frame), frame.1), other.tag(&header(frame), frame.1));
    }
}
