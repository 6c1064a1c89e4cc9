//! Every domain-separation label of this crate, in one place; as in gazelle-protocol's `domain.rs`.

/// Key of one sealed blob: HKDF-SHA256 of the store's key with the blob's salt (32), expanded with
/// this label; 32 bytes, for AES-256-GCM with nonce 0.
pub(crate) const BLOB_KEY: &[u8] = b"gazelle sealed blob v1";

/// What is sealed to tell a store's key from another: associated data.
pub(crate) const KEY_CHECK: &[u8] = b"gazelle store key v1";

/// A client's half: associated data `label ‖ plan (32) ‖ the file's number (16)`.
pub(crate) const CLIENT_HALF: &[u8] = b"gazelle client half v1";

/// A server's half: associated data `label ‖ row (32) ‖ network (32) ‖ the client's name`.
pub(crate) const SERVER_HALF: &[u8] = b"gazelle server half v1";

/// The row of a bundle: `label ‖ bundle's name (16)`, by SHA-256, so that who reads the table can
/// name no bundle.
pub(crate) const ROW: &[u8] = b"gazelle bundle row v1";

/// What a network is called in a table: `label ‖ digest of the network (32)`, by SHA-256.
pub(crate) const NETWORK: &[u8] = b"gazelle stored network v1";

/// All labels, for the test below.
#[cfg(test)]
const ALL: &[&[u8]] = &[BLOB_KEY, KEY_CHECK, CLIENT_HALF, SERVER_HALF, ROW, NETWORK];

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn no_label_is_a_prefix_of_another() {
        for (i, a) in ALL.iter().enumerate() {
            for (j, b) in ALL.iter().enumerate() {
                assert!(i == j || !b.starts_with(a), "label {i} begins label {j}");
            }
        }
    }
}
