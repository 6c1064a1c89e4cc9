//! The halves of a server that published a crafted hint ([`crate::he::hint::Hint::forge`]), for tests.

use super::HintPlan;
use crate::linear::guard::ServerHalf;

impl HintPlan {
    /// The half that makes each sum o of this map 2^shift·(r_o + r'_o), r and r' the masks of what this map
    /// and `reader` read, from both maps' messages: what was sent of each mask's coefficient is known.
    pub(crate) fn forged_half(
        &self,
        reader: &Self,
        [message, other]: [&[u8]; 2],
        shift: u32,
    ) -> ServerHalf {
        let sent = |plan: &Self, message: &[u8]| -> Vec<u64> {
            let Ok(upload) = plan.read(message) else { unreachable!("the client is honest") };
            let dropped = plan.layer.format.dropped;
            let middle = |&digit: &u32| u64::from(digit) << dropped | 1 << (dropped - 1);
            upload.digits.iter().map(middle).collect()
        };
        let (own, others) = (sent(self, message), sent(reader, other));
        let half =
            |o: usize| self.layer.format.rounding().server_half((own[o] + others[o]) << shift);
        ServerHalf::new((0..self.output_len()).map(half).collect(), self.ring_bits())
    }

    /// A half that knows nothing.
    pub(crate) fn zero_half(&self) -> ServerHalf {
        ServerHalf::new(vec![0; self.output_len()], self.ring_bits())
    }
}
