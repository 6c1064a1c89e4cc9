//! The client's secret key and the public key with which the server encrypts zero.

use std::sync::OnceLock;

use gazelle_ntt::prg::Seed;
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

    /// a·s modulo prime `limb` for the a of a seed, in coefficients.
    pub(crate) fn multiply(
        &self,
        limb: usize,
        (seed, index): (&Seed, usize),
        workspace: &mut Workspace,
    ) {
        let plan = &self.parameters.plans()[limb];
        let Workspace { uniform, product } = workspace;
        expand(&self.parameters, seed, index, limb, uniform);
        plan.forward(uniform);
        plan.pointwise_mul(product, uniform, self.limb(limb));
        plan.inverse(product);
    }
}

/// What [`SecretKey::multiply`] works in.
pub(crate) struct Workspace {
    uniform: Vec<u64>,
    /// a·s.
    pub(crate) product: Zeroizing<Vec<u64>>,
}

impl Workspace {
    pub(crate) fn new(parameters: &Parameters) -> Self {
        let n = parameters.n();
        Self { uniform: vec![0; n], product: Zeroizing::new(vec![0; n]) }
    }
}

/// (p₀, p₁) = (−a·s + e, a) with a expanded from a seed; an encryption of zero for anyone to
/// re-randomise with.
#[derive(Clone)]
pub struct PublicKey {
    parameters: Parameters,
    bytes: Vec<u8>,
    /// What `bytes` stand for, which are valid.
    expanded: OnceLock<Expanded>,
}

/// A public key's polynomials, transformed, limb after limb.
#[derive(Clone)]
struct Expanded {
    p0: Vec<u64>,
    p1: Vec<u64>,
}

impl Expanded {
    /// Parses the seed and p₀.
    fn parse(parameters: &Parameters, bytes: &[u8]) -> Result<Self, PeerFault> {
        const MESSAGE: &str = "public key";
        PeerFault::check_length(MESSAGE, bytes, PublicKey::encoded_len(parameters))?;
        let (seed, body) = bytes.split_first_chunk().expect("the length is checked");
        let [mut p0, mut p1] = [0; 2].map(|_| vec![0; parameters.n() * parameters.limbs()]);
        parse(parameters, body, (seed, 0), (&mut p0, &mut p1), MESSAGE)?;
        Ok(Self { p0, p1 })
    }
}

impl PublicKey {
    fn new(key: &SecretKey, rng: &mut impl CryptoRng) -> Self {
        let parameters = &key.parameters;
        let mut seed = Seed::default();
        rng.fill_bytes(&mut seed);
        let mut error = Zeroizing::new(vec![0i8; parameters.n()]);
        sample::centred_binomial(ETA, rng, &mut error);
        let mut bytes = seed.to_vec();
        let mut workspace = Workspace::new(parameters);
        let mut p0 = vec![0; parameters.n()];
        for (limb, plan) in parameters.plans().iter().enumerate() {
            key.multiply(limb, (&seed, 0), &mut workspace);
            let modulus = plan.modulus();
            for ((p0, &e), &product) in p0.iter_mut().zip(&*error).zip(&*workspace.product) {
                *p0 = modulus.sub(residue(modulus, e), product);
            }
            pack::pack_u64(&p0, modulus.bits(), &mut bytes);
        }
        Self::from_bytes(parameters, &bytes).expect("a key parses what it wrote")
    }

    /// Bytes of an encoded key: the seed and one packed polynomial.
    pub fn encoded_len(parameters: &Parameters) -> usize {
        size_of::<Seed>() + parameters.packed_len()
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
        let key = Self::unchecked(parameters, bytes);
        key.check()?;
        Ok(key)
    }

    /// A key that must be [checked](Self::check) before it is used.
    pub(crate) fn unchecked(parameters: &Parameters, bytes: &[u8]) -> Self {
        let (parameters, bytes) = (parameters.clone(), bytes.to_vec());
        Self { parameters, bytes, expanded: OnceLock::new() }
    }

    /// Checks what [`PublicKey::unchecked`] was given.
    ///
    /// # Errors
    /// Those of [`PublicKey::from_bytes`].
    pub(crate) fn check(&self) -> Result<(), PeerFault> {
        let expanded = Expanded::parse(&self.parameters, &self.bytes)?;
        self.expanded.get_or_init(|| expanded);
        Ok(())
    }

    /// Keeps the bytes alone until the key is used again.
    pub(crate) fn shrink(&mut self) {
        self.expanded = OnceLock::new();
    }

    /// The parameter set.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// (p₀, p₁) modulo prime `limb`, transformed.
    pub(crate) fn limb(&self, limb: usize) -> (&[u64], &[u64]) {
        let expand = || Expanded::parse(&self.parameters, &self.bytes).expect("they are valid");
        let (n, Expanded { p0, p1 }) = (self.parameters.n(), self.expanded.get_or_init(expand));
        (&p0[limb * n..][..n], &p1[limb * n..][..n])
    }
}

/// A small signed value modulo a prime, without a branch.
pub(crate) fn residue(modulus: &Modulus, value: i8) -> u64 {
    let value = i64::from(value);
    (value + (modulus.value() as i64 & (value >> 63))) as u64
}

/// Polynomial `index` of a public seed modulo prime `limb`: uniform.
fn expand(parameters: &Parameters, seed: &Seed, index: usize, limb: usize, out: &mut [u64]) {
    let stream = index * parameters.limbs() + limb;
    sample::uniform(seed, stream as u64, parameters.plans()[limb].modulus(), out);
}

/// Parses c₀ from [`Parameters::packed_len`] bytes and expands c₁ from polynomial `index` of a seed,
/// both transformed, limb after limb; `message` is for the error.
///
/// # Errors
/// [`PeerFault::Padding`] or [`PeerFault::Residue`].
pub(crate) fn parse(
    parameters: &Parameters,
    mut bytes: &[u8],
    (seed, index): (&Seed, usize),
    (c0, c1): (&mut [u64], &mut [u64]),
    message: &'static str,
) -> Result<(), PeerFault> {
    let n = parameters.n();
    let limbs = c0.chunks_exact_mut(n).zip(c1.chunks_exact_mut(n));
    for (limb, (plan, (c0, c1))) in parameters.plans().iter().zip(limbs).enumerate() {
        let (bits, q) = (plan.modulus().bits(), plan.modulus().value());
        let (head, tail) = bytes.split_at(pack::packed_len(n, bits));
        pack::unpack_u64(head, bits, c0).map_err(|_| PeerFault::Padding { message })?;
        // Bit 63 tells a value below q, both being below 2^63.
        if c0.iter().fold(u64::MAX, |below, x| below & x.wrapping_sub(q)) >> 63 == 0 {
            return Err(PeerFault::Residue { message });
        }
        plan.forward(c0);
        expand(parameters, seed, index, limb, c1);
        plan.forward(c1);
        bytes = tail;
    }
    Ok(())
}

#[cfg(test)]
impl SecretKey {
    /// Marks the key as secret, for tests of constant time.
    pub(crate) fn make_secret(&mut self) {
        gazelle_valgrind::make_secret(&mut self.limbs);
        gazelle_valgrind::make_secret(&mut self.wide);
    }
}
