//! The coefficient engine's messages: from the client's mask r of a layer's input to shares a + t =
//! M·r of its result, in two round trips.
//!
//! ```text
//!            client                                            server
//! offline    Enc(r)                          ──▶
//!                                            ◀──     one component of Enc(M·r)
//!            OT extension, the guard bits    ──▶
//!                                            ◀──     corrections
//! ```

use gazelle_garble::{Delta, GateRange, Hash};
use rand::CryptoRng;
use zeroize::Zeroizing;

use super::guard::{ClientHalf, Conversion, ServerHalf};
use super::{CoefficientPlan, EncodedWeights, ServerShare};
use crate::error::{Error, PeerFault};
use crate::exchange::BlockMail;
use crate::he::{PublicKey, SecretKey};
use crate::ot;
use crate::wire::{Answer, Guard, Query};

impl CoefficientPlan {
    /// Client: sends the encryption of a mask.
    ///
    /// # Errors
    /// If the mask is not one value per input.
    pub(crate) async fn send_query(
        &self,
        mask: &[u32],
        key: &SecretKey,
        mail: BlockMail<'_>,
        rng: &mut (impl CryptoRng + Send),
    ) -> Result<(), Error> {
        mail.send(Query(self.encrypt(mask, key, rng)?)).await;
        Ok(())
    }

    /// Client: receives its halves of the results.
    ///
    /// # Errors
    /// If the server sends something else.
    pub(crate) async fn receive_half(
        &self,
        key: &SecretKey,
        mail: BlockMail<'_>,
    ) -> Result<ClientHalf, PeerFault> {
        let Answer(answer) = mail.receive(self.cost().answer_bytes).await?;
        self.decrypt(&answer, key)
    }

    /// Server: answers `count` queries, so many at once, and keeps its halves of the results.
    ///
    /// # Errors
    /// If a query is none.
    pub(crate) async fn answer_queries(
        &self,
        weights: &EncodedWeights,
        key: &PublicKey,
        (count, at_once): (usize, usize),
        mail: BlockMail<'_>,
        rng: &mut (impl CryptoRng + Send),
    ) -> Result<Vec<ServerHalf>, PeerFault> {
        let mut halves = Vec::with_capacity(count);
        for first in (0..count).step_by(at_once) {
            let mut queries = Vec::new();
            for _ in (first..count).take(at_once) {
                let Query(query) = mail.receive(self.cost().query_bytes).await?;
                queries.push(query);
            }
            let queries: Vec<&[u8]> = queries.iter().map(Vec::as_slice).collect();
            for (answer, half) in self.apply_batch(&queries, weights, key, rng)? {
                mail.send(Answer(answer)).await;
                halves.push(half);
            }
        }
        Ok(halves)
    }
}

impl Conversion {
    /// Client: receives the corrections that make its shares exact.
    ///
    /// # Errors
    /// If the server sends something else.
    pub(crate) async fn receive(
        self,
        mail: BlockMail<'_>,
    ) -> Result<Zeroizing<Vec<u32>>, PeerFault> {
        let Guard(corrections) = mail.receive(self.corrections_len()).await?;
        self.finish(&corrections).map(Zeroizing::new)
    }
}

impl ServerHalf {
    /// Server: makes its shares exact and sends the client what makes its own so.
    ///
    /// # Errors
    /// If the client's message is none.
    pub(crate) async fn exchange(
        self,
        len: usize,
        (ot, delta): (&mut ot::Sender, &Delta),
        hash: &Hash,
        gates: GateRange,
        mail: BlockMail<'_>,
    ) -> Result<ServerShare, Error> {
        let Guard(message) = mail.receive(len).await?;
        let (corrections, share) = self.convert(&message, ot, delta, hash, gates)?;
        mail.send(Guard(corrections)).await;
        Ok(share)
    }
}
