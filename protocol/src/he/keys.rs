//! The client's secret key and the public key with which the server encrypts zero.

use gazelle_ntt::{Modulus, Plan, pack, sample};
use rand::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::Parameters;
use super::parameters::ETA;
use crate::error::PeerFault;

/// A ternary secret, in the transform domain of each prime of q and of the wide decryption prime.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SecretKey {
    #[zeroize(skip)]
    parameters: Parameters,
    limbs: Vec<u64>,
    wide: Vec<u64>,
}

impl SecretKey {
    /// A fresh key pair.
    pub fn generate(parameters: &Parameters, rng: &mut impl CryptoRng) -> (Self, PublicKey) {
        let n = parameters.n();
        let mut secret = Zeroizing::new(vec![0i8; n]);
        sample::ternary(rng, &mut secret);
        let transform = |plan: &Plan| {
            let mut out = vec![0; n];
            sample::residues(&secret, plan.modulus(), &mut out);
            plan.forward(&mut out);
            out
        };
        let mut limbs = Vec::with_capacity(n * parameters.limbs());
        parameters.plans().iter().for_each(|plan| limbs.append(&mut transform(plan)));
        let wide = transform(parameters.wide());
        let key = Self { parameters: parameters.clone(), limbs, wide };
        let public = PublicKey::new(&key, rng);
        (key, public)
    }

    /// The parameter set.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The secret modulo prime `limb`, transformed.
    pub(crate) fn limb(&self, limb: usize) -> &[u64] {
        let n = self.parameters.n();
        &self.limbs[limb * n..][..n]
    }

    /// The secret in the transform of [`Parameters::decryption`].
    pub(crate) fn decryption(&self, wide: bool) -> &[u64] {
        if wide { &self.wide } else { self.limb(0) }
    }

    /// c₀ = m + e − a·s modulo prime `limb`, all in coefficients; `c0` holds m on entry.
    pub(crate) fn seal(&self, limb: usize, error: &[i8], mut a: Vec<u64>, c0: &mut [u64]) {
        let plan = &self.parameters.plans()[limb];
        let modulus = plan.modulus();
        plan.forward(&mut a);
        let mut product = Zeroizing::new(vec![0; a.len()]);
        plan.pointwise_mul(&mut product, &a, self.limb(limb));
        plan.inverse(&mut product);
        for ((c, &e), &p) in c0.iter_mut().zip(error).zip(product.iter()) {
            *c = modulus.sub(modulus.add(*c, residue(modulus, e)), p);
        }
    }
}

/// (p₀, p₁) = (−a·s + e, a) with a expanded from a seed; an encryption of zero for anyone to
/// re-randomise with.
#[derive(Clone)]
pub struct PublicKey {
    parameters: Parameters,
    bytes: Vec<u8>,
    p0: Vec<u64>,
    p1: Vec<u64>,
}

impl PublicKey {
    fn new(key: &SecretKey, rng: &mut impl CryptoRng) -> Self {
        let parameters = &key.parameters;
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        let mut error = Zeroizing::new(vec![0i8; parameters.n()]);
        sample::centred_binomial(ETA, rng, &mut error);
        let mut bytes = seed.to_vec();
        for limb in 0..parameters.limbs() {
            let mut p0 = vec![0; parameters.n()];
            key.seal(limb, &error, expand(parameters, &seed, 0, limb), &mut p0);
            pack_limb(parameters, limb, &p0, &mut bytes);
        }
        Self::from_bytes(parameters, &bytes).expect("a key parses what it wrote")
    }

    /// Bytes of an encoded key: the seed and one packed polynomial.
    pub fn encoded_len(parameters: &Parameters) -> usize {
        32 + parameters.packed_len()
    }

    /// The seed, then p₀.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Parses what [`PublicKey::as_bytes`] gives.
    ///
    /// # Errors
    /// [`PeerFault::Length`], or [`PeerFault::Residue`] for a residue that is not canonical.
    pub fn from_bytes(parameters: &Parameters, bytes: &[u8]) -> Result<Self, PeerFault> {
        const MESSAGE: &str = "public key";
        PeerFault::check_length(MESSAGE, bytes, Self::encoded_len(parameters))?;
        let (seed, body) = bytes.split_first_chunk::<32>().expect("the length is checked");
        let mut p0 = unpack_polynomial(parameters, body, MESSAGE)?;
        let mut p1 = expand_polynomial(parameters, seed, 0);
        forward(parameters, &mut p0);
        forward(parameters, &mut p1);
        Ok(Self { parameters: parameters.clone(), bytes: bytes.to_vec(), p0, p1 })
    }

    /// The parameter set.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// (p₀, p₁) modulo prime `limb`, transformed.
    pub(crate) fn limb(&self, limb: usize) -> (&[u64], &[u64]) {
        let n = self.parameters.n();
        (&self.p0[limb * n..][..n], &self.p1[limb * n..][..n])
    }
}

/// A small signed value modulo a prime, without a branch.
pub(crate) fn residue(modulus: &Modulus, value: i8) -> u64 {
    let value = i64::from(value);
    (value + (modulus.value() as i64 & (value >> 63))) as u64
}

/// Transforms a polynomial stored limb after limb.
pub(crate) fn forward(parameters: &Parameters, limbs: &mut [u64]) {
    for (plan, limb) in parameters.plans().iter().zip(limbs.chunks_exact_mut(parameters.n())) {
        plan.forward(limb);
    }
}

/// Polynomial `index` of a public seed modulo prime `limb`: uniform.
pub(crate) fn expand(
    parameters: &Parameters,
    seed: &[u8; 32],
    index: usize,
    limb: usize,
) -> Vec<u64> {
    let mut out = vec![0; parameters.n()];
    let stream = index * parameters.limbs() + limb;
    sample::uniform(seed, stream as u64, parameters.plans()[limb].modulus(), &mut out);
    out
}

/// Polynomial `index` of a public seed, limb after limb.
pub(crate) fn expand_polynomial(
    parameters: &Parameters,
    seed: &[u8; 32],
    index: usize,
) -> Vec<u64> {
    (0..parameters.limbs()).flat_map(|limb| expand(parameters, seed, index, limb)).collect()
}

/// Appends residues modulo prime `limb`, each in as many bits as the prime has.
pub(crate) fn pack_limb(parameters: &Parameters, limb: usize, residues: &[u64], out: &mut Vec<u8>) {
    pack::pack_u64(residues, parameters.plans()[limb].modulus().bits(), out);
}

/// Parses one polynomial of [`Parameters::packed_len`] bytes; `message` is for the error.
pub(crate) fn unpack_polynomial(
    parameters: &Parameters,
    mut bytes: &[u8],
    message: &'static str,
) -> Result<Vec<u64>, PeerFault> {
    let n = parameters.n();
    let mut out = vec![0; n * parameters.limbs()];
    for (plan, limb) in parameters.plans().iter().zip(out.chunks_exact_mut(n)) {
        let bits = plan.modulus().bits();
        let (head, tail) = bytes.split_at(pack::packed_len(n, bits));
        pack::unpack_u64(head, bits, limb).map_err(|_| PeerFault::Padding { message })?;
        if limb.iter().any(|&x| x >= plan.modulus().value()) {
            return Err(PeerFault::Residue { message });
        }
        bytes = tail;
    }
    Ok(out)
}
