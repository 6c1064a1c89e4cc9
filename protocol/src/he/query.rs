//! Seeded secret-key encryptions: what the client sends.

use gazelle_ntt::sample;
use rand::{CryptoRng, Rng, SeedableRng, rngs::ChaCha20Rng};
use rayon::prelude::*;
use zeroize::Zeroizing;

use super::keys::{expand, expand_polynomial, forward, pack_limb, unpack_polynomial};
use super::parameters::ETA;
use super::{Encoder, Parameters, SecretKey};
use crate::error::PeerFault;

const MESSAGE: &str = "query";

/// Bytes of a query of `count` polynomials: the seed, then c₀ of each.
pub(crate) fn encoded_len(parameters: &Parameters, count: usize) -> usize {
    32 + count * parameters.packed_len()
}

/// Encrypts polynomials of n values modulo 2^k each, one after the other in `messages`.
pub(crate) fn encrypt(
    key: &SecretKey,
    encoder: &Encoder,
    messages: &[u32],
    rng: &mut impl CryptoRng,
) -> Vec<u8> {
    let n = key.parameters().n();
    let mut seed = [0; 32];
    rng.fill_bytes(&mut seed);
    let error_seeds = draw_seeds(messages.len() / n, rng);
    let jobs = messages.par_chunks_exact(n).zip(error_seeds.par_iter()).enumerate();
    let sealed: Vec<Vec<u8>> = jobs
        .map(|(index, (message, error_seed))| {
            encrypt_polynomial(key, encoder, message, (&seed, index), error_seed)
        })
        .collect();
    let mut out = Vec::with_capacity(encoded_len(key.parameters(), sealed.len()));
    out.extend_from_slice(&seed);
    sealed.iter().for_each(|bytes| out.extend_from_slice(bytes));
    out
}

fn encrypt_polynomial(
    key: &SecretKey,
    encoder: &Encoder,
    message: &[u32],
    (seed, index): (&[u8; 32], usize),
    error_seed: &[u8; 32],
) -> Vec<u8> {
    let parameters = key.parameters();
    let mut error = Zeroizing::new(vec![0i8; message.len()]);
    sample::centred_binomial(ETA, &mut ChaCha20Rng::from_seed(*error_seed), &mut error);
    let mut bytes = Vec::with_capacity(parameters.packed_len());
    for limb in 0..parameters.limbs() {
        let mut c0: Vec<u64> = message.iter().map(|&m| encoder.encode(limb, m)).collect();
        key.seal(limb, &error, expand(parameters, seed, index, limb), &mut c0);
        pack_limb(parameters, limb, &c0, &mut bytes);
    }
    bytes
}

/// The client's ciphertexts as the server computes on them: in the transform domain.
pub(crate) struct Query {
    n: usize,
    c0: Vec<Vec<u64>>,
    c1: Vec<Vec<u64>>,
}

impl Query {
    /// Parses a message of exactly `count` polynomials and expands its seed.
    ///
    /// # Errors
    /// [`PeerFault::Length`], or [`PeerFault::Residue`] for a residue that is not canonical.
    pub(crate) fn parse(
        parameters: &Parameters,
        count: usize,
        bytes: &[u8],
    ) -> Result<Self, PeerFault> {
        PeerFault::check_length(MESSAGE, bytes, encoded_len(parameters, count))?;
        let (seed, body) = bytes.split_first_chunk::<32>().expect("the length is checked");
        let parse = |(index, packed): (usize, &[u8])| {
            let mut c0 = unpack_polynomial(parameters, packed, MESSAGE)?;
            let mut c1 = expand_polynomial(parameters, seed, index);
            forward(parameters, &mut c0);
            forward(parameters, &mut c1);
            Ok((c0, c1))
        };
        let packed = body.par_chunks_exact(parameters.packed_len()).enumerate();
        let (c0, c1) = packed.map(parse).collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
        Ok(Self { n: parameters.n(), c0, c1 })
    }

    /// (c₀, c₁) of polynomial `index` modulo prime `limb`, transformed.
    pub(crate) fn limb(&self, index: usize, limb: usize) -> (&[u64], &[u64]) {
        let range = limb * self.n..(limb + 1) * self.n;
        (&self.c0[index][range.clone()], &self.c1[index][range])
    }
}

/// Independent seeds for parallel work, drawn in order so that the result does not depend on the
/// number of threads.
pub(crate) fn draw_seeds(count: usize, rng: &mut impl Rng) -> Zeroizing<Vec<[u8; 32]>> {
    let mut seeds = Zeroizing::new(vec![[0; 32]; count]);
    seeds.iter_mut().for_each(|seed| rng.fill_bytes(seed));
    seeds
}
