//! What each node of a graph costs.

use super::engine::framed;
use super::{EngineCost, NetworkPlan};
use crate::model::{Node, Tensor};
use crate::wire::Traffic;

/// What one node costs in one inference, to the byte; frames' headers and tags included. The image
/// and the head count as nodes, local nodes cost nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeCost {
    /// The number of the tensor that the node yields: 0 for the image, one more than there are nodes
    /// for the head.
    pub tensor: usize,
    /// The name of its engine; None for the image, which is only sent.
    pub engine: Option<&'static str>,
    /// Its linear maps, by their numbers in [`NetworkPlan::linear`].
    pub maps: Vec<usize>,
    /// Its number in [`NetworkPlan::activations`].
    pub activation: Option<usize>,
    /// Instances of an activation's programs: values that it yields, or 1 for most heads.
    pub instances: usize,
    /// k: the bits of the ring that it computes in, those of its results for a linear node.
    pub ring_bits: u32,
    /// AND gates.
    pub ands: u64,
    /// Offline. Its round trips are shared with the other nodes of its kind.
    pub offline: Traffic,
    /// Online: what the node yields is sent on account of it. Its round trips are its level's, counted
    /// at the first activation of each level.
    pub online: Traffic,
}

impl NetworkPlan {
    /// What the image, each node with an engine and the head cost, in this order. The bytes, and the
    /// rounds online, add up to [`NetworkPlan::offline`] and [`NetworkPlan::online`] but for the
    /// requests.
    pub fn node_costs(&self) -> Vec<NodeCost> {
        let nodes = self.card.nodes.iter().enumerate();
        let head = self.activation_cost(self.card.nodes.len() + 1);
        let costs = nodes.filter_map(|(i, node)| match node {
            Node::Linear(_) => Some(self.linear_cost(i + 1)),
            Node::Activation(_) => Some(self.activation_cost(i + 1)),
            _ => None,
        });
        std::iter::once(self.image_cost()).chain(costs).chain([head]).collect()
    }

    fn image_cost(&self) -> NodeCost {
        let Tensor { shape, ring_bits, .. } = self.places.tensors[0];
        let online = Traffic { sent: framed(self.masked_len(0), 1), ..Traffic::default() };
        NodeCost {
            tensor: 0,
            engine: None,
            maps: Vec::new(),
            activation: None,
            instances: shape.len(),
            ring_bits,
            ands: 0,
            offline: Traffic::default(),
            online,
        }
    }

    fn linear_cost(&self, tensor: usize) -> NodeCost {
        let terms = self.places.terms.iter().enumerate();
        let maps: Vec<usize> =
            terms.filter(|(_, term)| term.node == tensor).map(|(map, _)| map).collect();
        let field = self.settings.field;
        let costs = maps.iter().map(|&map| self.linear[map].cost(field));
        let EngineCost { offline, online } =
            costs.fold(EngineCost::default(), |all, one| EngineCost {
                offline: beside(all.offline, one.offline),
                online: beside(all.online, one.online),
            });
        let ring_bits = maps.iter().map(|&map| self.linear[map].ring_bits()).max().unwrap_or(0);
        let activation = None;
        let (engine, instances, ands) = (self.engine(tensor), 0, 0);
        NodeCost { tensor, engine, maps, activation, instances, ring_bits, ands, offline, online }
    }

    fn activation_cost(&self, tensor: usize) -> NodeCost {
        let index = self.places.order.iter().position(|&number| number == tensor);
        let index = index.expect("every activation, and the head, is in the order");
        let plan = &self.activations[index];
        let field = self.settings.field;
        let EngineCost { offline, mut online } = plan.cost(field);
        online.rounds = self.rounds_from(index);
        NodeCost {
            tensor,
            engine: self.engine(tensor),
            maps: Vec::new(),
            activation: Some(index),
            instances: plan.instances(),
            ring_bits: plan.ring_bits(),
            ands: plan.ands(field),
            offline,
            online,
        }
    }
}

/// The traffic of two that share their round trips.
fn beside(a: Traffic, b: Traffic) -> Traffic {
    Traffic {
        sent: a.sent + b.sent,
        received: a.received + b.received,
        rounds: a.rounds.max(b.rounds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Settings;
    use crate::wire::{Begin, FRAME_LEN, Prepare};
    use gazelle_import::zoo;

    /// They add up to the phases, which a session counts.
    #[test]
    fn nodes_cost_what_the_phases_cost() {
        let card = zoo::network("d").unwrap().card().clone();
        let plan = NetworkPlan::new(card, &Settings::default()).unwrap();
        let costs = plan.node_costs();
        let sum = |of: fn(&NodeCost) -> u64| costs.iter().map(of).sum::<u64>();
        let (offline, online) = (plan.offline(1), plan.online());
        assert_eq!(sum(|c| c.offline.sent) + (FRAME_LEN + Prepare::LEN) as u64, offline.sent);
        assert_eq!(sum(|c| c.offline.received) + FRAME_LEN as u64, offline.received);
        assert_eq!(sum(|c| c.online.sent) + (FRAME_LEN + Begin::LEN) as u64, online.sent);
        assert_eq!(sum(|c| c.online.received), online.received);
        assert_eq!(sum(|c| c.online.rounds), online.rounds);
        assert_eq!(sum(|c| c.ands), plan.costs().iter().map(|c| c.ands).sum::<u64>());
    }
}
