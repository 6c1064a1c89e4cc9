//! Every domain-separation label of this crate, in one place.
//!
//! A hash or a key derivation begins with one of these labels, so that no two uses of a hash
//! function ever see the same input. A label is ASCII, ends with the version of its layout and is
//! no prefix of another label (a test keeps it so); the layout of what follows stands beside it.
//!
//! Where a fixed permutation is used instead of a hash, the tweak keeps uses apart:
//!
//! - OT extension, expansion of a leaf: AES-128 under the leaf of the number n·2^64 + i, where i
//!   counts blocks of 128 transfers since the session began and n is the session's first 8 bytes
//!   (little-endian) plus the group, modulo 2^64. A sender misses one leaf of each group, so it
//!   never sees one number under two unknown keys.
//! - OT extension, the receiver's choices that hide those of a message: AES-128 under a fresh key of
//!   the receiver, of the number n·2^64 + i with n the session's first 8 bytes and i the block.
//! - OT extension, challenge: AES-128 under a key that is the hash of the message, of the numbers of
//!   the message's blocks, from 0 on. The key is public: that of another message is unrelated.
//! - Errors and ephemeral secrets of the linear layers: AES-128 under a fresh key for each message, of
//!   the numbers (n + p)·2^64 + i for polynomial p, where n is as fresh and as secret as the key: no
//!   guess of a key can be tried against several messages at once.
//! - The public polynomials of a hint: AES-128 under the hint's own seed of the numbers
//!   (2^32·ℓ + p)·2^64 + i for polynomial p of layer ℓ, p = 0 for that of the client's keys. What blinds
//!   a hint: as errors, under a fresh key for each hint, of p = 2^32·ℓ + o for output o of layer ℓ.
//! - Pads of the frames' tags: AES-128 under a key for each direction of a session of the frame's
//!   number.
//! - The garbler's own zero labels: AES-128 under a fresh key for each layer of each bundle, of the
//!   number n·2^64 + j for label j of the layer, with n the last 8 bytes of the bundle's hash key plus
//!   the layer's first gate number, modulo 2^64. A client sees the label or the label plus Δ; that no
//!   number comes twice, but for keys that end alike, keeps the search for one of many keys as long
//!   as that for one.

/// The first 8 bytes of a session's name: what tells numbers under AES keys of one session from
/// those of others.
pub(crate) fn nonce(session: &[u8; 32]) -> u64 {
    u64::from_le_bytes(*session.first_chunk().expect("a session's name has 32 bytes"))
}

/// Key of one base OT: `label ‖ session (32) ‖ index (4, little-endian) ‖ A (32) ‖ B (32) ‖
/// point (32)`, hashed by SHA-256, cut to its first 16 bytes.
pub(crate) const BASE_OT_KEY: &[u8] = b"gazelle base-ot key v1";

/// Two children of a node of a GGM tree: `label ‖ session (32) ‖ group (4) ‖ depth (4) ‖
/// node (4) ‖ seed (16)`, integers little-endian, hashed by SHA-256; the first 16 bytes are the
/// left child, the last 16 the right one.
pub(crate) const GGM_NODE: &[u8] = b"gazelle ot-extension node v1";

/// What a leaf of a GGM tree shows of itself: `label ‖ session (32) ‖ group (4) ‖ leaf (4) ‖
/// seed (16)`, integers little-endian, hashed by SHA-256.
pub(crate) const GGM_LEAF: &[u8] = b"gazelle ot-extension leaf v1";

/// Digest of what all leaves show: `label ‖ session (32) ‖ 32 bytes of each leaf`, by SHA-256.
pub(crate) const GGM_TREES: &[u8] = b"gazelle ot-extension trees v1";

/// Challenge to a message of the OT extension: the rows d, hashed by BLAKE3 and cut to 16 bytes. Its
/// key is `label ‖ session (32) ‖ first block (8)`, integers little-endian, by SHA-256.
pub(crate) const OT_CHALLENGE: &[u8] = b"gazelle ot-extension challenge v2";

/// Digest of a message's sums under its challenge: `label ‖ session (32) ‖ first block (8) ‖ 128
/// sums (16 each)`, integers little-endian, by SHA-256.
pub(crate) const OT_CHECK: &[u8] = b"gazelle ot-extension check v1";

/// Name of the transfers of a session in one direction, which stands in the session's place in
/// all their labels: `label ‖ session (32) ‖ direction (1: 0 if the client sends, 1 if the server
/// does)`, by SHA-256.
pub(crate) const TRANSFERS: &[u8] = b"gazelle transfers v1";

/// Key of the hash that makes keys of a direction's transfers: `label ‖ name of the transfers (32)`,
/// by SHA-256, cut to 16 bytes. Its tweaks are the numbers of the transfers.
pub(crate) const TRANSFER_KEYS: &[u8] = b"gazelle transfer keys v1";

/// Key of the hash in the trees of an iteration of silent transfers: `label ‖ name of the transfers
/// (32) ‖ iteration (8, little-endian)`, by SHA-256, cut to 16 bytes. Tree i has the key plus i.
pub(crate) const LPN_TREES: &[u8] = b"gazelle lpn trees v1";

/// Key of the indices of an iteration's code: as [`LPN_TREES`].
pub(crate) const LPN_CODE: &[u8] = b"gazelle lpn code v1";

/// Seed of the factors of an iteration's check: `label ‖ name of the transfers (32) ‖ iteration (8,
/// little-endian) ‖ corrections`, by SHA-256, cut to 16 bytes.
pub(crate) const LPN_CHALLENGE: &[u8] = b"gazelle lpn challenge v1";

/// Proof of an iteration's check: `label ‖ name of the transfers (32) ‖ iteration (8, little-endian) ‖
/// sum (16)`, by SHA-256.
pub(crate) const LPN_CHECK: &[u8] = b"gazelle lpn check v1";

/// Hash of the parameters that both parties must share: `label ‖ for each homomorphic parameter
/// set: n (8) ‖ number of primes (8) ‖ primes (8 each)`, integers little-endian, by SHA-256.
pub(crate) const PARAMETERS: &[u8] = b"gazelle parameters v1";

/// Digest of a network's plan: `label ‖ what both parties derive from the card and the settings`, by
/// SHA-256; `NetworkPlan::digest` has the order, every number has 8 bytes (little-endian).
pub(crate) const PLAN: &[u8] = b"gazelle plan v1";

/// Name of a session: `label ‖ client's greeting ‖ server's greeting ‖ length of the announcement
/// (8, little-endian) ‖ announcement (settings, plan's digest, encoded card) ‖ name of the hint (32), if
/// the plan needs one ‖ client's set-up message (base OTs' offer, public keys)`, by SHA-256.
pub(crate) const SESSION: &[u8] = b"gazelle session v3";

/// Keys of the frames' tags: `label ‖ session (32) ‖ link key (16) ‖ sender (1: 0
/// for the client, 1 for the server)`, by SHA-256; the first 16 bytes are the key of the polynomial
/// hash, the last 16 the AES key of its pads.
pub(crate) const FRAME_TAGS: &[u8] = b"gazelle frame tags v1";

/// Keys of the frames' tags on a connection that has a binding: `label ‖ key (32) ‖ binding (32)`, by
/// SHA-256. The binding is what TLS exports (RFC 9266).
pub(crate) const CHANNEL_BINDING: &[u8] = b"gazelle channel binding v1";

/// What a session inside a WebSocket is bound to: `label ‖ challenge (32) ‖ host (as in the request's
/// header)`, by SHA-256.
pub(crate) const WEBSOCKET: &[u8] = b"gazelle websocket binding v1";

/// What the signature in a request for access signs: `label ‖ binding (32)`.
pub(crate) const ACCESS: &[u8] = b"gazelle access v1";

/// Hash of an announcement: `label ‖ settings ‖ plan's digest ‖ encoded card`, by SHA-256.
pub(crate) const ANNOUNCEMENT: &[u8] = b"gazelle announcement v1";

/// Name of a network with its weights, which the server alone can compute: `label ‖ hash of its
/// announcement (32) ‖ for each block: weights (2 each) ‖ biases (4 each)`, integers little-endian, by SHA-256.
pub(crate) const NETWORK: &[u8] = b"gazelle network v1";

/// Name of a bundle: `label ‖ session (32) ‖ link key (16) ‖ number (8, little-endian)`, by SHA-256,
/// cut to 16 bytes. Known to both parties and nobody else until it is used.
pub(crate) const BUNDLE: &[u8] = b"gazelle bundle v1";

/// Key of a bundle's garbling hash: `label ‖ session (32) ‖ number (8, little-endian)`, by SHA-256,
/// cut to 16 bytes. Its tweaks are the numbers of the bundle's gates and of the transfers that convert
/// the linear maps' halves.
pub(crate) const GARBLING_KEY: &[u8] = b"gazelle garbling key v2";

/// Name of a hint: `label ‖ its file`, by SHA-256.
pub(crate) const HINT: &[u8] = b"gazelle hint name v1";

/// The weights that a hint was made of: `label ‖ all weights`, by SHA-256.
pub(crate) const HINT_WEIGHTS: &[u8] = b"gazelle hint weights v1";

/// All labels, with that of a model card's hash, for the test below.
#[cfg(test)]
const ALL: &[&[u8]] = &[
    BASE_OT_KEY,
    GGM_NODE,
    GGM_LEAF,
    GGM_TREES,
    OT_CHALLENGE,
    OT_CHECK,
    TRANSFERS,
    TRANSFER_KEYS,
    LPN_TREES,
    LPN_CODE,
    LPN_CHALLENGE,
    LPN_CHECK,
    gazelle_model::MODEL_CARD,
    PARAMETERS,
    PLAN,
    SESSION,
    FRAME_TAGS,
    CHANNEL_BINDING,
    WEBSOCKET,
    ACCESS,
    ANNOUNCEMENT,
    NETWORK,
    BUNDLE,
    GARBLING_KEY,
    HINT,
    HINT_WEIGHTS,
];

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn no_label_is_a_prefix_of_another() {
        for (i, a) in ALL.iter().enumerate() {
            for (j, b) in ALL.iter().enumerate() {
                assert!(i == j || !b.starts_with(a), "label {i} begins label {j}");
            }
        }
    }
}
