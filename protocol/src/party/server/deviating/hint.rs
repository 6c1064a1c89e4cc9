//! The attack by a crafted hint.

use super::*;

impl ServerParty<'_> {
    /// Halves by a crafted hint, which puts 2^f·(r₀\[o\] + r'\[o\]) in the place of sum o of the first map,
    /// with r' of what the second one reads; gives the results that hold what is wanted.
    pub(super) async fn halves_of_crafted_hint(
        &mut self,
        mail: &Mailbox,
    ) -> Result<(Vec<ServerHalf>, Vec<usize>), Error> {
        let plans: Vec<_> = self.service.plan.hints().map(|(_, plan)| plan).collect();
        let mut messages = Vec::new();
        for (map, plan) in plans.iter().enumerate() {
            let Query(message) = mail.of(map).receive(plan.cost().upload_bytes).await?;
            messages.push(message);
        }
        let leaking = plans[0].forged_half(plans[1], [&messages[0], &messages[1]], SHIFT);
        let told = (0..leaking.len()).collect();
        let others = plans[1..].iter().map(|plan| plan.zero_half());
        Ok(([leaking].into_iter().chain(others).collect(), told))
    }
}

/// The hint tells the sum of two masks. With a secret for all maps the pixels come out; with one for each,
/// the second mask stays.
#[test]
fn deviating_server_hint_reads_no_pixel_of_a_dense_network() {
    let dense = |outputs, last| block(Linear::Dense { outputs }, None, last);
    let attack = Attack { leaking: 0, reader: 1, values: 256 };
    let card = chain(vec![dense(256, false), dense(10, true)]);
    assert_harmless_by(&network(card), attack, LinearChoice::Hint);
}
