//! The hashes of garbling: correlation-robust functions of a label and a tweak, built on AES-128.
//!
//! σ(L‖R) = (L⊕R)‖L is a linear orthomorphism (Guo, Katz, Wang, Yu, "Efficient and Secure
//! Multiparty Computation from Fixed-Key Block Ciphers", IEEE S&P 2020, section 6).

pub mod scalar;

/// Which hash garbles a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum HashKind {
    /// MITCCRH (Guo, Katz, Wang, Weng, Yu, CRYPTO 2020) with one key for up to 128 instances of a
    /// gate: H(x) = AES_k(σ(x)) ⊕ σ(x), k from the session key and the tweak.
    #[default]
    Mitccrh,
    /// MITCCRH with a key of its own for every instance.
    MitccrhStrict,
    /// Fixed-key TCCR: H(x, t) = π(π(x) ⊕ t) ⊕ π(x), the classic, with π AES under the session key.
    FixedKey,
}

/// Instances of a gate that share a key under [`HashKind::Mitccrh`].
pub const INSTANCES_PER_KEY: usize = 128;

/// A session's hash: its kind and its key.
#[derive(Clone)]
pub struct Hash {
    /// The construction.
    pub kind: HashKind,
    /// The session key; public, fresh for every session.
    pub key: u128,
}

/// σ(L‖R) = (L⊕R)‖L, with L the upper half.
#[inline(always)]
pub const fn sigma(x: u128) -> u128 {
    let (left, right) = ((x >> 64) as u64, x as u64);
    (((left ^ right) as u128) << 64) | left as u128
}
