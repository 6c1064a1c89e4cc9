//! The client's half.

use gazelle_garble::HashKind;
use zeroize::Zeroizing;

use super::{BundleFault, BundleName, ClientActivation, Gates, HEADER, read_header, write_header};
use crate::linear::Mask;
use crate::party::Shares;
use crate::plan::NetworkPlan;

const MAGIC: &[u8; 8] = b"GZBNDL-C";

/// What the client keeps of one prepared inference; good for one image:
///
/// ```compile_fail,E0382
/// # use gazelle_protocol::{bundle::ClientBundle, session::Client};
/// fn twice(client: &mut Client, bundle: ClientBundle, image: &[u8]) {
///     let _ = client.classify(bundle, image);
///     let _ = client.classify(bundle, image);
/// }
/// ```
pub struct ClientBundle {
    /// [`NetworkPlan::name`] of the plan that it was prepared for.
    pub(crate) plan: [u8; 32],
    pub(crate) name: BundleName,
    /// Of the hash of its garbled gates.
    pub(crate) hash_key: u128,
    /// r of the image and of every activation's output, in the plan's order.
    pub(crate) masks: Vec<Mask>,
    /// The client's share of every tensor while the bundle is prepared; later for tests alone.
    pub(crate) tensors: Vec<Zeroizing<Vec<u32>>>,
    /// In the plan's order.
    pub(crate) activations: Vec<ClientActivation>,
}

impl ClientBundle {
    /// Its name.
    pub fn name(&self) -> BundleName {
        self.name
    }

    /// The numbers and the hash of its gates, from the first on.
    pub(crate) fn gates(&self, kind: HashKind) -> Gates {
        Gates::new(kind, self.hash_key)
    }

    /// The client's shares of the coming inference, if the party keeps them.
    #[doc(hidden)]
    pub fn shares(&self) -> Shares {
        Shares { tensors: self.tensors.iter().map(|tensor| tensor.to_vec()).collect() }
    }

    /// Bytes of memory that wait for the online phase.
    pub fn bytes(&self) -> usize {
        let masks = self.masks.iter().map(|mask| mask.values().len());
        let values: usize = masks.chain(self.tensors.iter().map(|tensor| tensor.len())).sum();
        4 * values + self.activations.iter().map(ClientActivation::bytes).sum::<usize>()
    }

    /// Bytes of the encoding.
    pub fn encoded_len(plan: &NetworkPlan) -> usize {
        let block = |((len, ring_bits), activation)| {
            Mask::encoded_len(len, ring_bits) + ClientActivation::encoded_len(activation)
        };
        HEADER + 16 + plan.masks().zip(plan.activations()).map(block).sum::<usize>()
    }

    /// The bundle as bytes, to be kept secret: `header ‖ hash key (16)`, then for each activation `r,
    /// packed` of the tensor before it in the plan's order, and what the activation's engine keeps: for
    /// each chunk of a garbled one `labels (16 each) ‖ tables`, or, where tables are streamed, the
    /// client's share of what it reads, packed.
    pub fn into_bytes(self, plan: &NetworkPlan) -> Zeroizing<Vec<u8>> {
        let Self { plan: digest, name, hash_key, masks, mut activations, .. } = self;
        // All of it from the start, so that no growth leaves a copy in freed memory.
        let mut out = Zeroizing::new(Vec::with_capacity(Self::encoded_len(plan)));
        write_header(MAGIC, &digest, &name, &mut out);
        out.extend_from_slice(&hash_key.to_le_bytes());
        let activations = activations.iter_mut().zip(plan.activations());
        for (mask, (activation, planned)) in masks.iter().zip(activations) {
            mask.encode(&mut out);
            activation.encode(planned, &mut out);
        }
        out
    }

    /// Reads a bundle that was prepared for this plan. It is spent as soon as its name has been
    /// sent; the store must have forgotten it by then.
    ///
    /// # Errors
    /// [`BundleFault`] if the bytes are none.
    pub fn from_bytes(plan: &NetworkPlan, bytes: &[u8]) -> Result<Self, BundleFault> {
        let digest = *plan.name();
        let (name, mut rest) = read_header(MAGIC, &digest, Self::encoded_len(plan), bytes)?;
        Self::read(plan, digest, name, &mut rest).ok_or(BundleFault::Damaged)
    }

    fn read(
        plan: &NetworkPlan,
        digest: [u8; 32],
        name: BundleName,
        rest: &mut &[u8],
    ) -> Option<Self> {
        let hash_key = u128::from_le_bytes(*rest.split_off(..16)?.first_chunk()?);
        let (mut masks, mut activations) = (Vec::new(), Vec::new());
        for ((len, ring_bits), planned) in plan.masks().zip(plan.activations()) {
            masks.push(Mask::decode(len, ring_bits, rest)?);
            activations.push(ClientActivation::decode(planned, rest)?);
        }
        Some(Self { plan: digest, name, hash_key, masks, tensors: Vec::new(), activations })
    }
}
