//! The 128 base oblivious transfers of a session, with random keys.
//!
//! Chou–Orlandi, "The Simplest Protocol for Oblivious Transfer" (LATINCRYPT 2015, figure 1), over
//! the Ristretto group, with all 128 transfers in one message each way:
//!
//! 1. the [`Sender`] draws a and sends A = a·G;
//! 2. the receiver, for transfer i with choice c, draws b and sends B = b·G + c·A ([`receive`]);
//!    its key is H(b·A);
//! 3. the sender's keys are H(a·B) for choice 0 and H(a·B − a·A) for choice 1
//!    ([`Sender::finish`]).
//!
//! One more transfer, number 128, whose choice is 0 always, leaves both parties with the same key,
//! H(a·b·G): the [`LinkKey`]. It is Diffie and Hellman's key agreement, so it authenticates nobody,
//! but who has it is the party that made the transfers.
//!
//! Either party may deviate. The choice is hidden perfectly, whatever A is (B is uniform either
//! way). A receiver that knew both keys of a pair would know a·A, the square Diffie–Hellman
//! problem, with H a random oracle; so whatever B it sends, one key is hidden from it. H is SHA-256
//! over a label, the session's name, i, A, B and the point, so keys of different sessions,
//! transfers or transcripts are unrelated. Points that are not canonically encoded and the
//! identity are rejected. Nothing here branches on a secret.

use curve25519_dalek::constants::RISTRETTO_BASEPOINT_TABLE as G;
use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{Identity, IsIdentity};
use rand::CryptoRng;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::domain;
use crate::error::{Error, PeerFault};

/// How many transfers there are: one for each bit of a label.
pub const COUNT: usize = 128;

/// Length in bytes of the sender's only message.
pub const OFFER_LEN: usize = 32;

/// Length in bytes of the receiver's only message.
pub const REPLY_LEN: usize = 32 * (COUNT + 1);

const OFFER: &str = "base-OT offer";
const REPLY: &str = "base-OT reply";

/// The sender between its message and the receiver's.
#[derive(ZeroizeOnDrop)]
pub struct Sender {
    secret: Scalar,
    #[zeroize(skip)]
    offer: CompressedRistretto,
}

/// The sender's keys, \[choice 0, choice 1\] for each transfer; wiped when dropped.
pub type SenderKeys = Zeroizing<Vec<[u128; 2]>>;

/// The receiver's keys, one for each transfer; wiped when dropped.
pub type ReceiverKeys = Zeroizing<Vec<u128>>;

/// A key that both parties of the base transfers have and nobody else; wiped when dropped.
///
/// Uses of it are told apart by deriving a key for each with a label of its own.
pub type LinkKey = Zeroizing<[u8; 16]>;

impl Sender {
    /// Begins, and returns the message for [`receive`], [`OFFER_LEN`] bytes.
    pub fn new(rng: &mut impl CryptoRng) -> (Self, Vec<u8>) {
        let secret = random_scalar(rng);
        let offer = (&secret * G).compress();
        (Self { secret, offer }, offer.as_bytes().to_vec())
    }

    /// Takes the receiver's message and returns [`COUNT`] pairs of keys, and the link's key.
    ///
    /// `session` names the session; both parties give the same.
    ///
    /// # Errors
    ///
    /// [`PeerFault::Length`] or [`PeerFault::Point`] if `reply` is not what [`receive`] makes.
    pub fn finish(self, session: &[u8; 32], reply: &[u8]) -> Result<(SenderKeys, LinkKey), Error> {
        PeerFault::check_length(REPLY, reply, REPLY_LEN)?;
        // One offer stands for all transfers: a·B − a·A = a·B − a²·G.
        let shift = Zeroizing::new(&(self.secret * self.secret) * G);
        let mut keys = Zeroizing::new(Vec::with_capacity(COUNT + 1));
        for (index, bytes) in reply.chunks_exact(32).enumerate() {
            let (compressed, point) = decode(REPLY, index, bytes)?;
            let hash = KeyHash { session, index, offer: &self.offer, reply: &compressed };
            let zero = Zeroizing::new(point * self.secret);
            let one = Zeroizing::new(*zero - *shift);
            keys.push([hash.key(&zero), hash.key(&one)]);
        }
        let [link, _] = keys.pop().expect("the reply has a point more than there are transfers");
        Ok((keys, Zeroizing::new(link.to_le_bytes())))
    }
}

/// The receiver's whole part: takes the sender's message and returns the reply, [`REPLY_LEN`]
/// bytes, [`COUNT`] keys and the link's key; bit i of `choices` chooses the key of transfer i.
///
/// `session` names the session; both parties give the same.
///
/// # Errors
///
/// [`PeerFault::Length`] or [`PeerFault::Point`] if `offer` is not what [`Sender::new`] makes.
pub fn receive(
    session: &[u8; 32],
    choices: u128,
    offer: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<(Vec<u8>, ReceiverKeys, LinkKey), Error> {
    PeerFault::check_length(OFFER, offer, OFFER_LEN)?;
    let (offer, point) = decode(OFFER, 0, offer)?;
    let mut message = Vec::with_capacity(REPLY_LEN);
    let mut keys = Zeroizing::new(Vec::with_capacity(COUNT + 1));
    // The link's transfer comes last and has choice 0.
    let choices = (0..COUNT).map(|index| (choices >> index) as u8 & 1).chain([0]);
    for (index, choice) in choices.enumerate() {
        let choice = Choice::from(choice);
        let secret = Zeroizing::new(random_scalar(rng));
        let identity = RistrettoPoint::identity();
        let chosen = RistrettoPoint::conditional_select(&identity, &point, choice);
        let reply = (&*secret * G + chosen).compress();
        let hash = KeyHash { session, index, offer: &offer, reply: &reply };
        keys.push(hash.key(&Zeroizing::new(point * *secret)));
        message.extend_from_slice(reply.as_bytes());
    }
    let link = keys.pop().expect("a key more than there are transfers");
    Ok((message, keys, Zeroizing::new(link.to_le_bytes())))
}

/// What binds a key to its place; see [`domain::BASE_OT_KEY`].
struct KeyHash<'a> {
    session: &'a [u8; 32],
    index: usize,
    offer: &'a CompressedRistretto,
    reply: &'a CompressedRistretto,
}

impl KeyHash<'_> {
    fn key(&self, point: &RistrettoPoint) -> u128 {
        let point = Zeroizing::new(point.compress());
        let mut digest = Sha256::new()
            .chain_update(domain::BASE_OT_KEY)
            .chain_update(self.session)
            .chain_update((self.index as u32).to_le_bytes())
            .chain_update(self.offer.as_bytes())
            .chain_update(self.reply.as_bytes())
            .chain_update(point.as_bytes())
            .finalize();
        let (key, _) = digest.split_first_chunk().expect("SHA-256 gives 32 bytes");
        let key = u128::from_le_bytes(*key);
        digest.as_mut_slice().zeroize();
        key
    }
}

/// Decodes point `index` of a peer's message; `bytes` has 32 bytes.
fn decode(
    message: &'static str,
    index: usize,
    bytes: &[u8],
) -> Result<(CompressedRistretto, RistrettoPoint), PeerFault> {
    CompressedRistretto::from_slice(bytes)
        .ok()
        .and_then(|compressed| Some((compressed, compressed.decompress()?)))
        .filter(|(_, point)| !point.is_identity())
        .ok_or(PeerFault::Point { message, index })
}

fn random_scalar(rng: &mut impl CryptoRng) -> Scalar {
    let mut wide = Zeroizing::new([0; 64]);
    rng.fill_bytes(wide.as_mut());
    Scalar::from_bytes_mod_order_wide(&wide)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::ChaCha20Rng;
    use rand::{RngExt, SeedableRng};

    const SESSION: &[u8; 32] = &[7; 32];

    fn rng() -> ChaCha20Rng {
        ChaCha20Rng::seed_from_u64(1)
    }

    #[test]
    fn the_receiver_learns_the_chosen_keys() {
        let mut rng = rng();
        for choices in [0, u128::MAX, rng.random()] {
            let (sender, offer) = Sender::new(&mut rng);
            let (reply, chosen, ours) = receive(SESSION, choices, &offer, &mut rng).unwrap();
            let (keys, theirs) = sender.finish(SESSION, &reply).unwrap();
            assert_eq!((offer.len(), reply.len()), (OFFER_LEN, REPLY_LEN));
            assert_eq!((keys.len(), chosen.len()), (COUNT, COUNT));
            assert_eq!(ours, theirs);
            for (i, (pair, key)) in keys.iter().zip(chosen.iter()).enumerate() {
                let choice = (choices >> i & 1) as usize;
                assert_eq!(pair[choice], *key);
                assert_ne!(pair[1 - choice], *key);
            }
        }
    }

    #[test]
    fn keys_are_bound_to_the_session() {
        let mut rng = rng();
        let (sender, offer) = Sender::new(&mut rng);
        let (reply, chosen, ours) = receive(SESSION, 0, &offer, &mut rng).unwrap();
        let (keys, theirs) = sender.finish(&[8; 32], &reply).unwrap();
        assert!(keys.iter().zip(chosen.iter()).all(|(pair, key)| !pair.contains(key)));
        assert_ne!(ours, theirs);
    }

    #[test]
    fn all_keys_differ() {
        let mut rng = rng();
        let (sender, offer) = Sender::new(&mut rng);
        let (reply, ..) = receive(SESSION, 0, &offer, &mut rng).unwrap();
        let (pairs, link) = sender.finish(SESSION, &reply).unwrap();
        let mut keys: Vec<u128> = pairs.iter().flatten().copied().collect();
        keys.push(u128::from_le_bytes(*link));
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 2 * COUNT + 1);
    }

    /// Whoever changes a point of the link's transfer parts the two keys.
    #[test]
    fn the_link_is_bound_to_its_point() {
        let mut rng = rng();
        let (sender, offer) = Sender::new(&mut rng);
        let (mut reply, _, ours) = receive(SESSION, 0, &offer, &mut rng).unwrap();
        let (first, last) = reply.split_at_mut(32 * COUNT);
        last.copy_from_slice(&first[..32]);
        let (_, theirs) = sender.finish(SESSION, &reply).unwrap();
        assert_ne!(ours, theirs);
    }

    /// The identity, and what RFC 9496 (section 4.3.1) tells a decoder to refuse: a field element
    /// that is not reduced, a negative one, and a good one that encodes no point.
    fn bad_points() -> [[u8; 32]; 4] {
        let mut not_reduced = [0xff; 32];
        not_reduced[0] = 0xed;
        not_reduced[31] = 0x7f;
        let mut negative = [0; 32];
        negative[0] = 1;
        let mut not_square = [0; 32];
        not_square[0] = 2;
        while CompressedRistretto(not_square).decompress().is_some() {
            not_square[0] += 2;
        }
        [[0; 32], not_reduced, negative, not_square]
    }

    #[test]
    fn the_receiver_rejects_bad_points() {
        for point in bad_points() {
            let error = receive(SESSION, 0, &point, &mut rng()).err();
            assert!(
                matches!(error, Some(Error::Peer(PeerFault::Point { index: 0, .. }))),
                "{point:?}"
            );
        }
    }

    #[test]
    fn the_sender_rejects_bad_points() {
        let mut rng = rng();
        for (index, point) in bad_points().into_iter().enumerate() {
            let (sender, offer) = Sender::new(&mut rng);
            let (mut reply, ..) = receive(SESSION, 0, &offer, &mut rng).unwrap();
            reply[32 * index..][..32].copy_from_slice(&point);
            let error = sender.finish(SESSION, &reply).err();
            let Some(Error::Peer(PeerFault::Point { index: got, .. })) = error else {
                panic!("accepted {point:?}");
            };
            assert_eq!(got, index);
        }
    }

    #[test]
    fn wrong_lengths_are_rejected() {
        let mut rng = rng();
        for length in [0, 31, 33] {
            let error = receive(SESSION, 0, &vec![0; length], &mut rng).err();
            assert!(matches!(error, Some(Error::Peer(PeerFault::Length { .. }))));
        }
        for length in [0, REPLY_LEN - 32, REPLY_LEN - 1, REPLY_LEN + 1] {
            let (sender, _) = Sender::new(&mut rng);
            let error = sender.finish(SESSION, &vec![0; length]).err();
            assert!(matches!(error, Some(Error::Peer(PeerFault::Length { .. }))));
        }
    }
}
