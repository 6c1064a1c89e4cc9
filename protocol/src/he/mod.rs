//! Ring-LWE encryption for linear layers: seeded queries up, re-randomised answers down.
//!
//! R = Z\[X\]/(Xⁿ + 1); q is a product of word-sized primes; messages are polynomials over Z_{2^k},
//! one value per coefficient. There are no rotations and no evaluation keys: the server multiplies
//! by plaintext polynomials with small coefficients and adds, nothing else.
//!
//! **Query.** The client encrypts a polynomial m under its secret key s (ternary):
//! c₁ = a, expanded from a public 16-byte seed, and c₀ = −a·s + e + ⌊q·m/2^k⌉. Only the seed and c₀
//! travel. The phase c₀ + c₁·s of Σⱼ wⱼ·cⱼ is q/2^k·Σⱼ wⱼ·mⱼ plus a small noise, modulo q: the
//! product over the integers need not be reduced, because q/2^k·2^k ≡ 0.
//!
//! **Answer.** What the server computed, c = Σⱼ wⱼ·cⱼ, is a function of the weights and of things
//! that the client knows: c₁ = Σⱼ wⱼ·aⱼ *is* a system of linear equations in the weights (the tests
//! solve one). So before it leaves, and at full modulus, the server
//! 1. adds pk·u + (0, e′), u ternary and e′ a fresh error: c₁ + a·u + e′ is pseudo-random under
//!    ring-LWE with secret u, for anyone, the key's owner included;
//! 2. adds an encoding of −t at the coefficients that carry results, t uniform in Z_{2^k}: the
//!    server's new share;
//! 3. adds a flood, uniform over 2^b integers, to the same coefficients of c₀. It drowns the noise,
//!    which is a function of the weights, of u and of e′ ([`noise`] proves by how much), and stands
//!    for the error of the first component of the encryption of zero;
//! 4. sends only those coefficients of c₀, and
//! 5. rounds c₁ to a modulus 2^m and c₀ to 2^t, with just the bits that decryption needs.
//!
//! *Why the client learns its share alone*: given s, everything it receives is determined by c₁ and
//! by the phase at the result coefficients. The phase is q/2^k·(M·r − t) plus noise plus flood;
//! replace noise plus flood by flood (statistical distance in [`noise::Answer::distance_log2`]),
//! and it depends on u and e′ no more; then replace c₁ by a uniform polynomial (ring-LWE); what is
//! left is made from M·r − t. Steps 4 and 5 are functions of the result. The adversary is
//! semi-honest; a is expanded from a seed so that even a hostile client cannot choose it freely.
//!
//! *Generators.* a is expanded by AES-128 in counter mode under the public seed, as from an ideal
//! cipher; errors and blindings come from the same construction under secret seeds, one per message,
//! which the party's generator draws, and one stream per polynomial: what is sent does not depend on
//! the number of threads.
//!
//! Sources: Lyubashevsky, Peikert, Regev, "On ideal lattices and learning with errors over rings"
//! (EUROCRYPT 2010); Huang, Lu, Hong, Ding, "Cheetah" (USENIX Security 2022), §3 for coefficient
//! encoding and the switch to a power of two; Gentry's flooding ("smudging") in the form of Asharov
//! et al. (EUROCRYPT 2012), Lemma 1.

mod answer;
mod encode;
mod keys;
pub mod noise;
mod parameters;
mod query;

pub(crate) use answer::{Answerer, Masked, decrypt, encoded_len as answer_len};
pub(crate) use encode::Encoder;
pub use keys::{PublicKey, SecretKey};
pub use parameters::Parameters;
pub(crate) use query::{Query, encoded_len as query_len, encrypt};

#[cfg(test)]
mod tests;
