//! Tokens: what names a client that has no certificate.
//!
//! A token is the seed of an Ed25519 key. The server knows the public half alone, so that its list of
//! clients is no secret; the client signs what TLS exports, so that its signature is worth nothing in
//! any other connection, not even to the server that it was made for.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use gazelle_protocol::wire::Proof;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use zeroize::Zeroizing;

use crate::{Error, files, hex};

/// A client's secret. Wiped when dropped.
pub struct Token(Zeroizing<[u8; 32]>);

impl Token {
    /// A token by the system's randomness.
    ///
    /// # Errors
    /// If the system has none to give.
    pub fn generate() -> Result<Self, Error> {
        let mut seed = Zeroizing::new([0; 32]);
        let none = |_| Error::Tls("the operating system gives no randomness".into());
        SystemRandom::new().fill(seed.as_mut_slice()).map_err(none)?;
        Ok(Self(seed))
    }

    /// Reads a token's file: 64 hexadecimal digits.
    ///
    /// # Errors
    /// If there is none in it.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = Zeroizing::new(files::read_text(path)?);
        let none = || Error::content(path, "is no token; `gazelle keygen --token` makes one");
        hex::read(&text).map(|seed| Self(Zeroizing::new(seed))).ok_or_else(none)
    }

    /// The text of its file.
    pub(crate) fn to_text(&self) -> Zeroizing<String> {
        hex::text(&*self.0)
    }

    /// The half that the server knows.
    pub fn key(&self) -> TokenKey {
        let public = *self.pair().public_key();
        TokenKey(public.as_ref().try_into().expect("a key of Ed25519 has 32 bytes"))
    }

    /// Shows on the connection with this binding that the client has the token.
    pub fn prove(&self, binding: &[u8; 32]) -> Proof {
        let signature = self.pair().sign(&Proof::statement(binding));
        let signature = signature.as_ref().try_into().expect("a signature has 64 bytes");
        Proof { key: self.key().0, signature }
    }

    fn pair(&self) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&*self.0).expect("a seed has 32 bytes")
    }
}

/// What a server knows of a token; no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenKey([u8; 32]);

impl TokenKey {
    /// The key of a proof that was made for the connection with this binding, or none.
    pub(crate) fn of_proof(proof: &Proof, binding: &[u8; 32]) -> Option<Self> {
        let key = UnparsedPublicKey::new(&ED25519, proof.key);
        key.verify(&Proof::statement(binding), &proof.signature).ok()?;
        Some(Self(proof.key))
    }
}

impl fmt::Display for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(&self.0, f)
    }
}

impl FromStr for TokenKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "a token's key has 64 hexadecimal digits, as `gazelle keygen` writes it";
        hex::read(text).map(Self).ok_or(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_holds_in_its_connection_alone() {
        let (token, other) = (Token::generate().unwrap(), Token::generate().unwrap());
        let proof = token.prove(&[1; 32]);
        assert_eq!(TokenKey::of_proof(&proof, &[1; 32]), Some(token.key()));
        assert_eq!(TokenKey::of_proof(&proof, &[2; 32]), None);
        let claimed = Proof { key: other.key().0, ..proof };
        assert_eq!(TokenKey::of_proof(&claimed, &[1; 32]), None);
    }

    #[test]
    fn tokens_and_keys_come_back_from_their_texts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let token = Token::generate().unwrap();
        files::write_new(&path, token.to_text().as_bytes()).unwrap();
        assert_eq!(Token::read(&path).unwrap().key(), token.key());
        assert_eq!(token.key().to_string().parse(), Ok(token.key()));
        files::replace(&path, b"not a token").unwrap();
        assert!(Token::read(&path).is_err());
    }
}
