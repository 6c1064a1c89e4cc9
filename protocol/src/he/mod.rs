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
//! solve one). So the server first adds pk·u + (0, e′), u ternary and e′ a fresh error. Then
//! 1. c₁ leaves, rounded to as few bits as exactness needs, and the client multiplies it by s;
//! 2. c₀ does *not* leave: c₀ and c₁·s already are additive shares of the phase, the server's and
//!    the client's.
//!
//! Each party rounds its share of a result to k + 1 bits, and the two *halves* s and y satisfy
//! (s + y + 1) >> 1 = m mod 2^k ([`noise`] proves it). The last bit is removed by an oblivious
//! transfer ([`crate::linear`], module `guard`).
//!
//! *Why the client learns nothing from an answer, whatever it sent.* It receives c₁ alone, a
//! function of Σⱼ wⱼ·aⱼ + p₁·u + e′. The second and third term are a ring-LWE sample with the secret
//! u, fresh for each answer, under a p₁ that is expanded from a seed: c₁ is pseudo-random to anyone,
//! the key's owner included, even one that chooses p₀, c₀ and the seeds. There is no noise to drown
//! and no bound that a malformed query could break. (Adding T uniform in Z_q to c₀, sending the sum
//! and keeping −T is the same protocol with a random string more on the wire.) What the server keeps,
//! c₀, does depend on all that the client sent; it enters the oblivious transfer and the garbled
//! circuit and nothing else.
//!
//! *Why the server learns nothing*: queries and public key are ring-LWE samples with the secret s,
//! and each block has a key of its own ([`crate::linear::ClientKeys`]).
//!
//! *Generators.* a is expanded by AES-128 in counter mode under the public seed, as from an ideal
//! cipher; errors and blindings come from the same construction under secret keys and nonces, one
//! pair per message, which the party's generator draws, and one stream per polynomial: what is sent
//! does not depend on the number of threads.
//!
//! Sources: Lyubashevsky, Peikert, Regev, "On ideal lattices and learning with errors over rings"
//! (EUROCRYPT 2010); Huang, Lu, Hong, Ding, "Cheetah" (USENIX Security 2022), §3 for coefficient
//! encoding and the switch to a power of two; Dodis, Halevi, Rothblum, Wichs, "Spooky encryption and
//! its applications" (CRYPTO 2016) for rounding two shares of a phase apart.

mod answer;
mod coins;
mod encode;
pub mod hint;
mod keys;
pub mod noise;
mod parameters;
mod query;

#[cfg(test)]
pub(crate) use answer::multiply;
pub(crate) use answer::{Answerer, Split, decrypt, encoded_len as answer_len};
pub(crate) use coins::Coins;
pub(crate) use encode::Encoder;
pub use keys::{PublicKey, SecretKey};
pub use parameters::Parameters;
pub(crate) use query::{Query, encoded_len as query_len, encrypt};

#[cfg(test)]
mod tests;
