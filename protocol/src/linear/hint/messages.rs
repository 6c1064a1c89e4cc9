//! The hint engine's messages: one from the client for each map and image, and then the transfers of
//! `linear::guard`.
//!
//! ```text
//!            client                                            server
//! offline    keys and masked coefficients    ──▶
//!            OT extension, the guard bits    ──▶
//!                                            ◀──     corrections
//! ```

use super::HintPlan;
use crate::error::PeerFault;
use crate::exchange::BlockMail;
use crate::he::hint::HintSecret;
use crate::linear::guard::ServerHalf;
use crate::wire::Query;

impl HintPlan {
    /// Server: receives `count` messages and makes its halves of the results.
    ///
    /// # Errors
    /// If a message is none.
    pub(crate) async fn receive_halves(
        &self,
        count: usize,
        weights: &[i16],
        secret: (&HintSecret, usize),
        mail: BlockMail<'_>,
    ) -> Result<Vec<ServerHalf>, PeerFault> {
        let mut halves = Vec::with_capacity(count);
        for _ in 0..count {
            let Query(message) = mail.receive(self.cost().upload_bytes).await?;
            halves.push(self.apply(&message, weights, secret)?);
        }
        Ok(halves)
    }
}
