//! Seeded secret-key encryptions: what the client sends.

use crate::parallel::prelude::*;
use gazelle_ntt::prg::{AesRng, Seed};
use gazelle_ntt::{pack, sample};
use rand::CryptoRng;
use zeroize::Zeroizing;

use super::coins::Coins;
use super::keys::{Workspace, parse, residue};
use super::parameters::ETA;
use super::{Encoder, Parameters, SecretKey};
use crate::error::PeerFault;

const MESSAGE: &str = "query";

/// Bytes of a query of `count` polynomials: the seed, then c₀ of each.
pub(crate) fn encoded_len(parameters: &Parameters, count: usize) -> usize {
    size_of::<Seed>() + count * parameters.packed_len()
}

/// Encrypts `count` polynomials of n values modulo 2^k each; `message` writes the values of one
/// over zeros.
pub(crate) fn encrypt(
    key: &SecretKey,
    encoder: &Encoder,
    count: usize,
    message: impl Fn(usize, &mut [u32]) + Sync,
    rng: &mut impl CryptoRng,
) -> Vec<u8> {
    let parameters = key.parameters();
    let mut out = vec![0; encoded_len(parameters, count)];
    let (seed, body) = out.split_first_chunk_mut().expect("a seed comes first");
    rng.fill_bytes(seed);
    let coins = Coins::random(rng);
    let polynomials = body.par_chunks_exact_mut(parameters.packed_len()).enumerate();
    polynomials.for_each_init(
        || Encryption::new(parameters),
        |encryption, (index, bytes)| {
            encryption.message.fill(0);
            message(index, &mut encryption.message);
            encryption.run(key, encoder, (seed, index), &mut coins.stream(index as u64), bytes);
        },
    );
    out
}

/// What an encryption works in.
struct Encryption {
    message: Zeroizing<Vec<u32>>,
    error: Zeroizing<Vec<i8>>,
    c0: Vec<u64>,
    workspace: Workspace,
}

impl Encryption {
    fn new(parameters: &Parameters) -> Self {
        let n = parameters.n();
        Self {
            message: Zeroizing::new(vec![0; n]),
            error: Zeroizing::new(vec![0; n]),
            c0: vec![0; n],
            workspace: Workspace::new(parameters),
        }
    }

    /// Packs c₀ = m + e − a·s, with a from polynomial `index` of the seed and e from `rng`.
    fn run(
        &mut self,
        key: &SecretKey,
        encoder: &Encoder,
        (seed, index): (&Seed, usize),
        rng: &mut AesRng,
        mut bytes: &mut [u8],
    ) {
        sample::centred_binomial(ETA, rng, &mut self.error);
        for (limb, plan) in key.parameters().plans().iter().enumerate() {
            key.multiply(limb, (seed, index), &mut self.workspace);
            let (modulus, encoder) = (*plan.modulus(), encoder.limb(limb));
            let summands = self.message.iter().zip(&*self.error).zip(&*self.workspace.product);
            plan.backend().run(
                #[inline(always)]
                || {
                    for (c0, ((&m, &e), &product)) in self.c0.iter_mut().zip(summands) {
                        let noisy = modulus.add(encoder.encode(m), residue(&modulus, e));
                        *c0 = modulus.sub(noisy, product);
                    }
                },
            );
            let len = pack::packed_len(self.c0.len(), modulus.bits());
            let (head, tail) = bytes.split_at_mut(len);
            pack::pack_u64_into(&self.c0, modulus.bits(), head);
            bytes = tail;
        }
    }
}

/// The client's ciphertexts as the server computes on them: in the transform domain.
pub(crate) struct Query {
    n: usize,
    limbs: usize,
    /// Polynomial after polynomial: c₀ limb after limb, then c₁.
    values: Vec<u64>,
}

impl Query {
    /// Memory for `count` polynomials.
    pub(crate) fn new(parameters: &Parameters, count: usize) -> Self {
        let (n, limbs) = (parameters.n(), parameters.limbs());
        Self { n, limbs, values: vec![0; 2 * count * limbs * n] }
    }

    /// Parses a message of exactly as many polynomials and expands its seed.
    ///
    /// # Errors
    /// [`PeerFault::Length`], or [`PeerFault::Residue`] for a residue that is not canonical.
    pub(crate) fn read(&mut self, parameters: &Parameters, bytes: &[u8]) -> Result<(), PeerFault> {
        let len = self.limbs * self.n;
        let count = self.values.len() / (2 * len);
        PeerFault::check_length(MESSAGE, bytes, encoded_len(parameters, count))?;
        let (seed, body) = bytes.split_first_chunk().expect("the length is checked");
        let packed = body.par_chunks_exact(parameters.packed_len());
        let polynomials = self.values.par_chunks_exact_mut(2 * len).zip(packed);
        polynomials.enumerate().try_for_each(|(index, (values, packed))| {
            let components = values.split_at_mut(len);
            parse(parameters, packed, (seed, index), components, MESSAGE)
        })
    }

    /// (c₀, c₁) of polynomial `index` modulo prime `limb`, transformed.
    pub(crate) fn limb(&self, index: usize, limb: usize) -> (&[u64], &[u64]) {
        let c0 = (2 * index * self.limbs + limb) * self.n;
        let c1 = c0 + self.limbs * self.n;
        (&self.values[c0..][..self.n], &self.values[c1..][..self.n])
    }
}
