//! Sealing what is stored.

use std::num::NonZeroU32;
use std::path::Path;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Prk, Salt};
use ring::pbkdf2;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use crate::{Error, domain, files, hex};

/// Bytes of a blob's salt.
const SALT: usize = 32;
/// Bytes of a blob's tag.
const TAG: usize = 16;
/// Of PBKDF2-HMAC-SHA256, as OWASP recommends.
const ROUNDS: NonZeroU32 = NonZeroU32::new(600_000).expect("not zero");

/// The key of a store. Each blob is sealed by AES-256-GCM under a key of its own, which comes from
/// this one and a random salt of 32 bytes: no nonce can come twice. Wiped when dropped.
pub struct StoreKey(Zeroizing<[u8; 32]>);

impl StoreKey {
    /// Reads a key's file (64 hexadecimal digits), or makes one by the system's randomness.
    ///
    /// # Errors
    /// If it cannot be read or written, or holds something else.
    pub fn open(path: &Path) -> Result<Self, Error> {
        if let Some(text) = files::read_text_if_any(path)? {
            let text = Zeroizing::new(text);
            let none = || Error::content(path, "is no key of a store; take it away for a new one");
            return hex::read(&text).map(|key| Self(Zeroizing::new(key))).ok_or_else(none);
        }
        let key = Self(random()?);
        files::write_new(path, hex::text(&*key.0).as_bytes())?;
        Ok(key)
    }

    /// The key that a passphrase gives with the salt in a file, which is made if there is none.
    ///
    /// # Errors
    /// If the salt cannot be read or written.
    pub fn from_passphrase(passphrase: &str, salt: &Path) -> Result<Self, Error> {
        let bytes: Zeroizing<[u8; 32]> = match files::read_text_if_any(salt)? {
            Some(text) => {
                let none = || Error::content(salt, "is no passphrase's salt");
                Zeroizing::new(hex::read(&text).ok_or_else(none)?)
            }
            None => {
                let bytes = random()?;
                files::write_new(salt, hex::text(&*bytes).as_bytes())?;
                bytes
            }
        };
        let mut key = Zeroizing::new([0; 32]);
        let passphrase = passphrase.as_bytes();
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, &*bytes, passphrase, &mut *key);
        Ok(Self(key))
    }

    /// Checks that a store's check blob is of this key; writes one if there is none.
    ///
    /// # Errors
    /// If the store was made with another key.
    pub(crate) fn check(&self, path: &Path) -> Result<(), Error> {
        let blob = match std::fs::read(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return files::write_new(
                    path,
                    &self.seal(Zeroizing::default(), domain::KEY_CHECK)?,
                );
            }
            blob => blob.map_err(Error::file(path))?,
        };
        let other = "the store was made with another key or passphrase; give that one";
        self.open_blob(blob, domain::KEY_CHECK)
            .map(|_| ())
            .ok_or_else(|| Error::content(path, other))
    }

    /// `salt (32) ‖ ciphertext ‖ tag (16)`; opens with the same associated data alone.
    pub(crate) fn seal(&self, plain: Zeroizing<Vec<u8>>, about: &[u8]) -> Result<Vec<u8>, Error> {
        let salt = random()?;
        let mut blob = Vec::with_capacity(SALT + plain.len() + TAG);
        blob.extend_from_slice(&*salt);
        blob.extend_from_slice(&plain);
        let key = self.of_blob(&salt);
        let tag = key.seal_in_place_separate_tag(nonce(), Aad::from(about), &mut blob[SALT..]);
        let tag = tag.map_err(|_| Error::Tls("a bundle is too long to be sealed".into()))?;
        blob.extend_from_slice(tag.as_ref());
        Ok(blob)
    }

    /// What was sealed; none if it was another blob, or sealed with another key.
    pub(crate) fn open_blob(&self, mut blob: Vec<u8>, about: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let salt = *blob.first_chunk::<SALT>()?;
        let plain = self.of_blob(&salt).open_in_place(nonce(), Aad::from(about), &mut blob[SALT..]);
        let len = plain.ok()?.len();
        // In its place: whatever else holds the plaintext is wiped with it.
        blob.copy_within(SALT..SALT + len, 0);
        let mut plain = Zeroizing::new(blob);
        wipe_tail(&mut plain, len);
        Some(plain)
    }

    fn of_blob(&self, salt: &[u8; SALT]) -> LessSafeKey {
        let key: Prk = Salt::new(HKDF_SHA256, salt).extract(&*self.0);
        let okm = key.expand(&[domain::BLOB_KEY], &AES_256_GCM).expect("32 bytes can be had");
        LessSafeKey::new(UnboundKey::from(okm))
    }
}

/// Cuts a buffer, and leaves nothing of what is cut off.
fn wipe_tail(buffer: &mut Vec<u8>, len: usize) {
    buffer[len..].fill(0);
    buffer.truncate(len);
}

/// Every key seals one blob.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

fn random() -> Result<Zeroizing<[u8; 32]>, Error> {
    let mut bytes = Zeroizing::new([0; 32]);
    let none = |_| Error::Tls("the operating system gives no randomness".into());
    SystemRandom::new().fill(bytes.as_mut_slice()).map_err(none)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_once_nothing_is_changed() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| StoreKey::open(&folder.path().join(name)));
        let (one, other) = (one.unwrap(), other.unwrap());
        for len in [0, 1, 1000] {
            let plain: Vec<u8> = (0..len).map(|i| i as u8).collect();
            let blob = one.seal(Zeroizing::new(plain.clone()), b"about").unwrap();
            assert_eq!(*one.open_blob(blob.clone(), b"about").unwrap(), plain);
            assert!(one.open_blob(blob.clone(), b"abaut").is_none());
            assert!(other.open_blob(blob.clone(), b"about").is_none());
            for i in [0, 31, blob.len() - 1, blob.len() / 2] {
                let mut changed = blob.clone();
                changed[i] ^= 1;
                assert!(one.open_blob(changed, b"about").is_none());
            }
            assert!(one.open_blob(blob[..blob.len() - 1].to_vec(), b"about").is_none());
        }
        assert!(one.open_blob(vec![0; 40], b"about").is_none());
    }

    #[test]
    fn keys_come_back_from_files_and_passphrases() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let blob = StoreKey::open(&path("key")).unwrap().seal(vec![7].into(), b"x").unwrap();
        let again = StoreKey::open(&path("key")).unwrap();
        assert_eq!(*again.open_blob(blob, b"x").unwrap(), [7]);
        again.check(&path("check")).unwrap();
        again.check(&path("check")).unwrap();
        assert!(StoreKey::open(&path("other")).unwrap().check(&path("check")).is_err());
        assert!(StoreKey::open(&path("check")).is_err());

        let words = |words| StoreKey::from_passphrase(words, &path("salt")).unwrap();
        let blob = words("correct horse").seal(vec![8].into(), b"x").unwrap();
        assert_eq!(*words("correct horse").open_blob(blob.clone(), b"x").unwrap(), [8]);
        assert!(words("correct house").open_blob(blob, b"x").is_none());
    }
}
