//! What a session and its bundles are called.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::bundle::BundleName;
use crate::domain;
use crate::ot::LinkKey;
use crate::wire::{Announcement, ClientSetUp, Greeting, PublishedHint};

/// What the parties say to each other before they have a common key.
pub(super) struct Opening<'a> {
    pub(super) client: &'a Greeting,
    pub(super) server: &'a Greeting,
    pub(super) announcement: &'a Announcement,
    pub(super) hint: Option<&'a PublishedHint>,
    pub(super) setup: &'a ClientSetUp,
}

/// A session's name: the hash of everything that is said before there is a common key.
pub(super) struct SessionName([u8; 32]);

impl SessionName {
    pub(super) fn new(opening: &Opening<'_>) -> Self {
        let Opening { client, server, announcement, hint, setup } = opening;
        let announcement = announcement.as_bytes();
        let hash = Sha256::new()
            .chain_update(domain::SESSION)
            .chain_update(client.as_bytes())
            .chain_update(server.as_bytes())
            .chain_update((announcement.len() as u64).to_le_bytes())
            .chain_update(announcement)
            .chain_update(hint.map_or(&[][..], |hint| &hint.0.0))
            .chain_update(&setup.offer)
            .chain_update(&setup.keys);
        Self(hash.finalize().into())
    }

    /// The keys of the tags of what the client sends and of what the server sends.
    pub(super) fn frame_keys(&self, link: &LinkKey) -> [Zeroizing<[u8; 32]>; 2] {
        [0, 1].map(|sender| {
            let hash = Sha256::new()
                .chain_update(domain::FRAME_TAGS)
                .chain_update(self.0)
                .chain_update(**link)
                .chain_update([sender]);
            Zeroizing::new(hash.finalize().into())
        })
    }

    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The name of the session's bundle of this number.
    pub(super) fn bundle(&self, link: &LinkKey, number: u64) -> BundleName {
        let hash = Sha256::new().chain_update(domain::BUNDLE).chain_update(self.0);
        BundleName::from_bytes(first_half(hash.chain_update(**link), number))
    }

    /// The key of that bundle's hash.
    pub(super) fn hash_key(&self, number: u64) -> u128 {
        let hash = Sha256::new().chain_update(domain::GARBLING_KEY).chain_update(self.0);
        u128::from_le_bytes(first_half(hash, number))
    }
}

fn first_half(hash: Sha256, number: u64) -> [u8; 16] {
    let digest: [u8; 32] = hash.chain_update(number.to_le_bytes()).finalize().into();
    *digest.first_chunk().expect("a digest has 32 bytes")
}
