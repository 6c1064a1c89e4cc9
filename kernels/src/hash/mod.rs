//! The hashes of garbling: correlation-robust functions of a label and a tweak, built on AES-128.
//!
//! σ(L‖R) = (L⊕R)‖L is a linear orthomorphism (Guo, Katz, Wang, Yu, "Efficient and Secure
//! Multiparty Computation from Fixed-Key Block Ciphers", IEEE S&P 2020, section 6).

#[cfg(target_arch = "x86_64")]
pub(crate) mod keys;
pub mod scalar;
#[cfg(target_feature = "simd128")]
pub(crate) mod simd128;
#[cfg(target_arch = "x86_64")]
pub(crate) mod x86;

use crate::backend::AesBackend;
use crate::dispatch::aes_twin;

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

impl HashKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Mitccrh, Self::MitccrhStrict, Self::FixedKey];

    /// The name used in benchmark ids and on command lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mitccrh => "mitccrh",
            Self::MitccrhStrict => "mitccrh-strict",
            Self::FixedKey => "fixed-key",
        }
    }
}

/// Instances of a gate that share a key under [`HashKind::Mitccrh`].
pub const INSTANCES_PER_KEY: usize = 128;

/// A session's hash: its kind, its key and the instructions that compute it.
#[derive(Clone)]
pub struct Hash {
    kind: HashKind,
    key: u128,
    backend: AesBackend,
}

impl Hash {
    /// The hash of a session; `key` is public and fresh for every session.
    pub fn new(kind: HashKind, key: u128) -> Self {
        Self { kind, key, backend: AesBackend::best() }
    }

    /// Computes it with these instructions; no value depends on them.
    pub fn with_backend(self, backend: AesBackend) -> Self {
        Self { backend, ..self }
    }

    /// The hash of another kind with the same key.
    pub fn with_kind(self, kind: HashKind) -> Self {
        Self { kind, ..self }
    }

    /// The instructions that compute it.
    pub fn backend(&self) -> AesBackend {
        self.backend
    }

    /// The construction.
    pub fn kind(&self) -> HashKind {
        self.kind
    }
}

/// σ(L‖R) = (L⊕R)‖L, with L the upper half.
#[inline(always)]
pub const fn sigma(x: u128) -> u128 {
    let (left, right) = ((x >> 64) as u64, x as u64);
    (((left ^ right) as u128) << 64) | left as u128
}

/// Replaces each label by its hash. Instance i has the tweak `tweak + i` (numbers wrap at 2^64);
/// under [`HashKind::Mitccrh`] the tweak of the first instance of its block of 128.
pub fn hash(hash: &Hash, tweak: u64, labels: &mut [u128]) {
    // SAFETY: the backend's value proves all that its twin asks for.
    unsafe { aes_twin!(hash.backend(), hash(hash, tweak, labels)) }
}

/// The hashes of each wire's label of colour 0 and of its label of colour 1, from its zero label:
/// what a projection needs. Tweaks as in [`hash`]. No instruction and no address depends on a label.
///
/// # Panics
/// If the lengths differ.
pub fn hash_colours(
    hash: &Hash,
    tweak: u64,
    delta: u128,
    wire: &[u128],
    [zeros, ones]: [&mut [u128]; 2],
) {
    assert!(wire.len() == zeros.len() && wire.len() == ones.len(), "two hashes a label");
    let hashes = [zeros, ones];
    // SAFETY: the backend's value proves all that its twin asks for.
    unsafe { aes_twin!(hash.backend(), hash_colours(hash, tweak, delta, wire, hashes)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;

    #[test]
    fn backends_agree() {
        let delta = 3 << 100 | 1;
        for n in (0..70).chain([127, 128, 129, 1023, 1024, 1025, 2100]) {
            let wire: Vec<u128> = (1..=n).map(|i| i * 0x9e37_79b9_7f4a_7c15_f39c_c060).collect();
            let n = n as usize;
            for kind in HashKind::ALL {
                for tweak in [0, 1 << 40, u64::MAX - 100] {
                    let h = Hash::new(kind, 1 << 127 | 3);
                    let mut expected = wire.clone();
                    scalar::hash(&h, tweak, &mut expected);
                    let (mut zeros, mut ones) = (vec![0; n], vec![0; n]);
                    scalar::hash_colours(&h, tweak, delta, &wire, [&mut zeros, &mut ones]);
                    for backend in AesBackend::available() {
                        let name = backend.name();
                        let h = h.clone().with_backend(backend);
                        let mut labels = wire.clone();
                        hash(&h, tweak, &mut labels);
                        assert!(labels == expected, "{name}, {kind:?}, {n}");
                        let (mut z, mut o) = (vec![1; n], vec![1; n]);
                        hash_colours(&h, tweak, delta, &wire, [&mut z, &mut o]);
                        assert!(z == zeros && o == ones, "{name}, {kind:?}, colours of {n}");
                    }
                }
            }
        }
    }

    /// FIPS 197, appendix B, through the fixed-key hash: π(π(x) ⊕ t) ⊕ π(x) with π(x) known.
    #[test]
    fn the_cipher_is_the_standard() {
        let key = 0x3c4f_cf09_8815_f7ab_a6d2_ae28_1615_7e2b;
        let plain: u128 = 0x3407_37e0_a298_3131_8d30_5a88_a8f6_4332;
        let cipher: u128 = 0x320b_6a19_9785_11dc_fb09_dc02_1d84_2539;
        // MITCCRH with tweak 0 of x = σ⁻¹(plain) is the cipher of plain, plus plain.
        let low = (plain >> 64) as u64 ^ plain as u64;
        let x = u128::from(plain as u64) << 64 | u128::from(low);
        assert_eq!(sigma(x), plain);
        for backend in AesBackend::available() {
            let h = Hash::new(HashKind::Mitccrh, key).with_backend(backend);
            let mut labels = [x];
            hash(&h, 0, &mut labels);
            assert_eq!(labels, [cipher ^ plain], "{}", backend.name());
        }
    }
}
