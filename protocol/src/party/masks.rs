//! The online messages of activations by masks, which both parties exchange alike.

use crate::activation::masks::{NodeEvaluation, NodePlan};
use crate::error::Error;
use crate::exchange::Mailbox;
use crate::wire::MaskOnline;

/// An activation on its way: its number, its plan and what a party has of it.
pub(super) type Evaluating<'a> = (usize, &'a NodePlan, &'a mut NodeEvaluation);

/// The messages between the first and the last of the activations of a level: of all images, message after
/// message of those that have it. The server sends those of even numbers, the client the others; `parity` is
/// this party's.
pub(super) async fn exchange(
    mut level: Vec<Evaluating<'_>>,
    parity: usize,
    mail: &Mailbox,
) -> Result<(), Error> {
    let messages = level.iter().map(|(_, plan, _)| plan.online_messages()).max();
    for index in 1..messages.unwrap_or(0).saturating_sub(1) {
        for (number, plan, evaluation) in &mut level {
            if index + 1 >= plan.online_messages() {
                continue;
            }
            if index % 2 == parity {
                mail.send(MaskOnline(evaluation.send(plan, index))).await;
            } else {
                let MaskOnline(bytes) = mail.of(*number).receive(plan.online_len(index)).await?;
                evaluation.receive(plan, index, &bytes)?;
            }
        }
    }
    Ok(())
}
