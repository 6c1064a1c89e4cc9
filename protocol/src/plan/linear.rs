//! Which engine computes each linear map, and which maps give the masks of the tensors that they read.

use super::graph::{Places, TermPlace};
use super::network::check_messages;
use super::{LinearPlan, NetworkPlan, Settings};
use crate::digest::PlanDigest;
use crate::error::{Error, Limit, Misuse};
use crate::he::hint::{Hint, HintFault, HintName, LayerFormat};
use crate::linear::hint::{HintPlan, HintUse};
use crate::linear::{CoefficientPlan, Map};
use crate::model::{Card, Node};
use crate::plan::engine::framed;
use crate::wire::{HintPart, Traffic};

/// What computes the linear maps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinearChoice {
    /// For each of them the engine that is expected to take the least time; of what a hint takes once, the
    /// part of one image counts.
    Cheapest = 0,
    /// [`super::LinearEngine::Coefficient`]: nothing is published.
    #[default]
    Coefficient = 1,
    /// [`super::LinearEngine::Hint`]; what it does not compute is left to the other.
    Hint = 2,
}

impl LinearChoice {
    pub(super) fn of_byte(byte: u8) -> Option<Self> {
        [Self::Cheapest, Self::Coefficient, Self::Hint].into_iter().find(|&c| c as u8 == byte)
    }
}

impl Places {
    /// The plans of all linear maps, as long as they take a client at most `allowed` bytes of memory.
    pub(super) fn linear(
        &self,
        card: &Card,
        settings: &Settings,
        allowed: u64,
    ) -> Result<Vec<LinearPlan>, Error> {
        let (mut given, mut needed) = (vec![false; self.tensors.len()], 0);
        let plan = |(map, term): (&Map, &TermPlace)| {
            let may_give = self.may_give_mask(card, term) && !given[term.input];
            let plan = LinearPlan::choose(map, may_give, settings)?;
            check_messages(&plan, settings)?;
            needed += plan.client_bytes(settings.field) as u64;
            if needed > allowed {
                return Err(Limit::Memory { count: 1, needed, allowed }.into());
            }
            given[term.input] |= plan.gives_mask();
            Ok(plan)
        };
        self.maps.iter().zip(&self.terms).map(plan).collect()
    }

    /// Whether a map may give the mask of the tensor that it reads: one that has a mask of its own, in the
    /// ring of the map's results.
    fn may_give_mask(&self, card: &Card, term: &TermPlace) -> bool {
        let node = term.input.checked_sub(1).map(|i| &card.nodes[i]);
        let has_mask = matches!(node, None | Some(Node::Activation(_)));
        has_mask && self.tensors[term.input].ring_bits == self.tensors[term.node].ring_bits
    }
}

impl LinearPlan {
    /// The plan of a map by the engine that the settings name.
    fn choose(map: &Map, may_give: bool, settings: &Settings) -> Result<Self, Misuse> {
        let Settings { link, images, exactness, .. } = *settings;
        let coefficient = || CoefficientPlan::choose_term(map, &link).map(Self::Coefficient);
        let purpose = HintUse { link, images, exactness };
        let hint = || HintPlan::choose(map, may_give, &purpose).map(Self::Hint);
        match settings.linear {
            LinearChoice::Coefficient => coefficient(),
            LinearChoice::Hint => hint().or_else(|_| coefficient()),
            LinearChoice::Cheapest => match (hint(), coefficient()) {
                (Ok(hint), Ok(other)) => {
                    let dearer = hint.price(settings).offline > other.price(settings).offline;
                    Ok(if dearer { other } else { hint })
                }
                (hint, other) => hint.or(other),
            },
        }
    }
}

impl NetworkPlan {
    /// The linear maps of the hint engine, with their numbers.
    pub(crate) fn hints(&self) -> impl Iterator<Item = (usize, &HintPlan)> {
        self.linear.iter().enumerate().filter_map(|(map, plan)| Some((map, plan.hint()?)))
    }

    /// Whether a session needs the server's hint.
    pub fn uses_hint(&self) -> bool {
        self.hints().next().is_some()
    }

    /// The formats of a hint's layers: one for each map of the hint engine.
    pub(crate) fn hint_layers(&self) -> Vec<LayerFormat> {
        self.hints().map(|(_, plan)| plan.layer().clone()).collect()
    }

    /// Bytes of the server's hint, which a client fetches once; 0 if no map needs it.
    pub fn hint_len(&self) -> usize {
        if self.uses_hint() { Hint::encoded_len(&self.hint_layers()) } else { 0 }
    }

    /// The name of a hint, if `bytes` is one of this plan.
    ///
    /// # Errors
    /// [`HintFault`] if it is none.
    pub fn check_hint(&self, bytes: &[u8]) -> Result<HintName, HintFault> {
        let name = HintName::of(bytes)?;
        Hint::decode(self.hint_layers(), &self.hint_digest(), &name, bytes.to_vec())?;
        Ok(name)
    }

    /// What a client sends and receives to fetch the hint.
    pub fn hint_fetch(&self) -> Traffic {
        if !self.uses_hint() {
            return Traffic::default();
        }
        let len = self.hint_len();
        let received = framed(len, HintPart::lens(len).count());
        Traffic { sent: framed(0, 1), received, rounds: 1 }
    }

    /// The digest that a hint bears: of the card and the plans of the maps that it is for.
    pub(crate) fn hint_digest(&self) -> [u8; 32] {
        let mut digest = PlanDigest::new();
        digest.words(self.card_hash().as_bytes().map(u64::from).into_iter());
        for (map, plan) in self.hints() {
            digest.numbers(&[map]);
            plan.digest(&mut digest);
        }
        digest.finish()
    }

    /// The number of a map of one engine among those of the same engine.
    pub(crate) fn place(&self, map: usize) -> usize {
        let engine = self.linear[map].engine();
        self.linear[..map].iter().filter(|plan| plan.engine() == engine).count()
    }

    /// The map that gives the mask of a tensor.
    pub(crate) fn giver(&self, tensor: usize) -> Option<(usize, &HintPlan)> {
        self.hints()
            .find(|(map, plan)| plan.gives_mask() && self.places.terms[*map].input == tensor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Link;
    use crate::he::hint::Exactness;
    use gazelle_import::zoo;

    /// Bytes of the hint and of the messages of an image.
    fn bytes(network: &str, images: u16, exactness: Exactness) -> [usize; 2] {
        let card = zoo::network(network).expect("a benchmark network").card().clone();
        let linear = LinearChoice::Hint;
        let settings = Settings { linear, images, exactness, ..Settings::for_link(Link::WAN) };
        let plan = NetworkPlan::new(card, &settings).expect("it can be computed");
        let upload = plan.hints().map(|(_, plan)| plan.cost().upload_bytes).sum();
        [plan.hint_len(), upload]
    }

    /// A hint for few images is smaller, what each of them sends is more; results that are never wrong take
    /// more of both.
    #[test]
    fn hints_are_the_larger_the_more_images_they_serve() {
        for network in ["a", "c", "d", "cifar10", "resnet20"] {
            let of = |images| bytes(network, images, Exactness::Overwhelming);
            let [few, some, many] = [1, 10, 100].map(of);
            assert!(few[0] < some[0] && some[0] < many[0], "{network}: {few:?} {some:?} {many:?}");
            assert!(few[1] > some[1] && some[1] > many[1], "{network}: {few:?} {some:?} {many:?}");
            let never_wrong = bytes(network, 100, Exactness::Always);
            assert!(never_wrong[0] > many[0] && never_wrong[1] > many[1], "{network}");
        }
    }
}
