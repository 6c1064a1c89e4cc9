//! Which engine computes each activation: the one that the settings name, or whichever is expected to
//! take the least time on their link.
//!
//! Engines differ in bytes, work and round trips. Activations of one level share their round trips, so
//! they are decided together; and since the offline round trips are those of the slowest activation, and
//! digits of four bits take two more of them than digits of three, whole networks are compared at the
//! end. All of it is a function of public facts, in whole nanoseconds, so both parties choose alike.

use super::graph::Places;
use super::network::level_rounds;
use super::{ActivationPlan, Price, Settings};
use crate::activation::masks;
use crate::model::{Card, Node};
use crate::ot::transfers::Source;

/// What computes the activations that several engines can.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EngineChoice {
    /// For each of them the engine that is expected to take the least time.
    Cheapest = 0,
    /// [`super::ActivationEngine::Garbled`].
    #[default]
    Garbled = 1,
    /// [`super::ActivationEngine::Masks`]; what it does not compute is garbled.
    Masks = 2,
}

/// Plans by masks where they are taken; the others are garbled.
type Mix = Vec<Option<ActivationPlan>>;

/// Bits of a digit that plans by masks may have at most.
const WIDEST: [usize; 2] = [masks::WIDEST_DIGIT, masks::WIDEST_DIGIT - 1];

impl EngineChoice {
    pub(super) fn of_byte(byte: u8) -> Option<Self> {
        [Self::Cheapest, Self::Garbled, Self::Masks].into_iter().find(|&c| c as u8 == byte)
    }
}

impl Places {
    /// The plans of all activations in their order, the head's last.
    pub(crate) fn activations(
        &self,
        card: &Card,
        settings: &Settings,
        sources: [Source; 2],
    ) -> Vec<ActivationPlan> {
        let garbled: Vec<ActivationPlan> =
            (0..self.order.len()).map(|index| self.garbled(card, index, settings)).collect();
        let by_masks = |widest| -> Mix {
            (0..self.order.len()).map(|index| self.by_masks(card, index, widest, sources)).collect()
        };
        let none: Mix = garbled.iter().map(|_| None).collect();
        let mixes = match settings.activations {
            EngineChoice::Garbled => vec![none],
            EngineChoice::Masks => WIDEST.map(by_masks).into(),
            EngineChoice::Cheapest => {
                let mixes =
                    WIDEST.map(|widest| self.cheapest(&garbled, by_masks(widest), settings));
                [none].into_iter().chain(mixes).collect()
            }
        };
        let price = |mix: &Mix| {
            let plans: Vec<_> = mixed(&garbled, mix).collect();
            self.price_of_activations(&plans, settings).weighed(settings.offline_percent)
        };
        let best = mixes.into_iter().min_by_key(price).expect("there is a mix");
        best.into_iter().zip(garbled).map(|(masks, garbled)| masks.unwrap_or(garbled)).collect()
    }

    /// Every plan that activation number `index` could have; the first is garbled.
    pub(crate) fn alternatives(
        &self,
        card: &Card,
        index: usize,
        settings: &Settings,
        sources: [Source; 2],
    ) -> Vec<ActivationPlan> {
        let mut plans = vec![self.garbled(card, index, settings)];
        for widest in WIDEST {
            let known = |plan: &ActivationPlan| {
                plans.iter().any(|other| other.cost(settings.field) == plan.cost(settings.field))
            };
            let plan = self.by_masks(card, index, widest, sources);
            plans.extend(plan.filter(|plan| !known(plan)));
        }
        plans
    }

    /// What activations with these plans are expected to take, one for each in their order.
    pub(super) fn price_of_activations(
        &self,
        plans: &[&ActivationPlan],
        settings: &Settings,
    ) -> Price {
        let price =
            plans.iter().map(|plan| plan.price(settings)).fold(Price::default(), Price::and);
        let levels = self.levels.iter().map(|level| level_rounds(&plans[level.clone()], settings));
        let offline = plans.iter().map(|plan| plan.cost(settings.field).offline.rounds);
        price.and(Price::of_rounds(offline.max().unwrap_or(0), levels.sum(), settings))
    }

    fn garbled(&self, card: &Card, index: usize, settings: &Settings) -> ActivationPlan {
        let number = self.order[index];
        match card.nodes.get(number - 1) {
            Some(Node::Activation(node)) => {
                let (input, output) = (self.tensors[node.input], self.tensors[number]);
                ActivationPlan::garbled(node, input, output, settings)
            }
            _ => ActivationPlan::of_head(&card.head, self.tensors[card.head.input], settings),
        }
    }

    fn by_masks(
        &self,
        card: &Card,
        index: usize,
        widest: usize,
        sources: [Source; 2],
    ) -> Option<ActivationPlan> {
        let number = self.order[index];
        let Some(Node::Activation(node)) = card.nodes.get(number - 1) else { return None };
        let (input, output) = (self.tensors[node.input], self.tensors[number]);
        ActivationPlan::by_masks(node, input, output, sources, widest)
    }

    /// Of plans by masks those that are worth it, level by level.
    fn cheapest(&self, garbled: &[ActivationPlan], masks: Mix, settings: &Settings) -> Mix {
        let mut mix = masks;
        for level in &self.levels {
            let (garbled, masks) = (&garbled[level.clone()], &mut mix[level.clone()]);
            for (garbled, masks) in garbled.iter().zip(&mut *masks) {
                // Once a level has the round trips of masks, each of it may have them.
                let alone = |plan: &ActivationPlan| plan.price_in_level(settings);
                if masks.as_ref().is_some_and(|masks| alone(masks) >= alone(garbled)) {
                    *masks = None;
                }
            }
            let price = |plans: &[&ActivationPlan]| {
                let work = plans.iter().map(|plan| plan.price(settings));
                let rounds = Price::of_rounds(0, level_rounds(plans, settings), settings);
                work.fold(rounds, Price::and).weighed(settings.offline_percent)
            };
            let without: Vec<_> = garbled.iter().collect();
            let with: Vec<_> = mixed(garbled, masks).collect();
            if price(&with) >= price(&without) {
                masks.fill_with(|| None);
            }
        }
        mix
    }
}

/// The plans of a mix.
fn mixed<'a>(
    garbled: &'a [ActivationPlan],
    mix: &'a [Option<ActivationPlan>],
) -> impl Iterator<Item = &'a ActivationPlan> {
    mix.iter().zip(garbled).map(|(masks, garbled)| masks.as_ref().unwrap_or(garbled))
}

impl ActivationPlan {
    /// What one of a level is expected to take, weighed, but for the round trips that it shares:
    /// streamed tables share none.
    fn price_in_level(&self, settings: &Settings) -> u64 {
        let rounds = if self.is_streamed() { self.cost(settings.field).online.rounds } else { 0 };
        let price = self.price(settings).and(Price::of_rounds(0, rounds, settings));
        price.weighed(settings.offline_percent)
    }
}

#[cfg(test)]
mod tests {
    use super::super::NetworkPlan;
    use super::*;
    use crate::Link;
    use gazelle_import::zoo;

    fn card(name: &str) -> Card {
        zoo::network(name).expect("a benchmark network").card().clone()
    }

    fn plan(card: &Card, activations: EngineChoice, link: &str) -> NetworkPlan {
        let link = link.parse::<Link>().expect("a link");
        let settings = Settings { activations, ..Settings::for_link(link) };
        let settings = settings.fitted(card).expect("it can be computed");
        NetworkPlan::new(card.clone(), &settings).expect("it can be computed")
    }

    /// Layers by masks, and all whose engine can be chosen.
    fn layers(plan: &NetworkPlan) -> [usize; 2] {
        let masks = plan.masks_with(0).count();
        let all =
            (0..plan.activations().len()).filter(|&i| plan.activation_alternatives(i).len() > 1);
        [masks, all.count()]
    }

    #[test]
    fn a_mix_is_no_dearer_than_either_engine_alone() {
        for name in ["d", "cifar10", "resnet20", "mobilenet"] {
            let card = card(name);
            for link in ["loopback", "1gbit,80ms", "20mbit/100mbit,30ms"] {
                let [mix, garbled, masks] =
                    [EngineChoice::Cheapest, EngineChoice::Garbled, EngineChoice::Masks]
                        .map(|choice| plan(&card, choice, link).price().weighed(20));
                assert!(mix <= garbled.min(masks), "{name}, {link}: {mix} {garbled} {masks}");
            }
        }
    }

    /// Bytes decide where links are narrow, round trips where layers are small.
    #[test]
    fn wide_layers_go_by_masks_and_narrow_ones_are_garbled_where_round_trips_are_long() {
        let wide = card("cifar10");
        let [masks, all] = layers(&plan(&wide, EngineChoice::Cheapest, "wan"));
        assert!((1..all).contains(&masks), "{masks} of {all}");
        let [masks, all] = layers(&plan(&wide, EngineChoice::Cheapest, "100mbit,0ms"));
        assert_eq!(masks, all);
        let [masks, _] = layers(&plan(&card("c"), EngineChoice::Cheapest, "wan"));
        assert_eq!(masks, 0, "a hundred sums");
    }

    /// All layers are prepared in lockstep; where rings are narrow, with fewer digits.
    #[test]
    fn offline_round_trips_do_not_depend_on_the_depth() {
        for (name, rounds) in [("cifar10", 7), ("resnet20", 7), ("mobilenet", 5)] {
            let card = card(name);
            for (link, rounds) in [("100mbit,0ms", rounds), ("1gbit,1000ms", 5)] {
                let plan = plan(&card, EngineChoice::Masks, link);
                assert_eq!(plan.offline(1).rounds, rounds, "{name}, {link}");
            }
        }
    }
}
