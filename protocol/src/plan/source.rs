//! Where the transfers of activations by masks come from: a setting, and what a plan makes of it.

use super::graph::Places;
use super::{ActivationPlan, EngineChoice, Settings};
use crate::model::Card;
use crate::ot::silent::LpnSet;
use crate::ot::transfers::{Direction, Source};

/// Bits a second of the fastest link on which silent transfers are faster: on faster ones rows of an
/// extension travel in less time than the code takes.
const FASTEST_SILENT: u64 = 2_000_000_000;

/// Which transfers activations by masks use up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TransferSource {
    /// In each direction silent ones ([`LpnSet::K18`]) where they send less for one inference of the
    /// network than the extension does and the link has at most 2 Gb/s; from the extension otherwise.
    #[default]
    Auto,
    /// From the extension with K of the settings: nothing is assumed of learning parity with noise.
    SoftSpoken,
    /// Silent ones: they assume that learning parity with noise is hard for this set.
    Silent(LpnSet),
}

impl TransferSource {
    /// How it stands among the settings.
    pub(super) const fn byte(self) -> u8 {
        match self {
            Self::Auto => 0,
            Self::SoftSpoken => 1,
            Self::Silent(set) => set.byte(),
        }
    }

    /// The one of such a byte.
    pub(super) fn of_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Auto),
            1 => Some(Self::SoftSpoken),
            _ => LpnSet::of_byte(byte).map(Self::Silent),
        }
    }
}

impl Places {
    /// The source of each direction, of those that the client sends first.
    pub(super) fn sources(&self, card: &Card, settings: &Settings) -> [Source; 2] {
        let extension = Source::SoftSpoken(settings.field);
        match settings.transfers {
            TransferSource::SoftSpoken => return [extension; 2],
            TransferSource::Silent(set) => return [Source::Silent(set); 2],
            TransferSource::Auto => {}
        }
        let garbled = settings.activations == EngineChoice::Garbled;
        if garbled || settings.link.up.max(settings.link.down) > FASTEST_SILENT {
            return [extension; 2];
        }
        let silent = [Source::Silent(LpnSet::default()); 2];
        let activations = self.activations(card, settings, silent);
        Direction::ALL.map(|direction| {
            let transfers = |plan: &ActivationPlan| match plan {
                ActivationPlan::Masks(plan) => plan.transfers()[direction as usize] as u64,
                ActivationPlan::Garbled(_) => 0,
            };
            Source::frugal(activations.iter().map(transfers).sum(), settings.field)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Link;
    use crate::model::{Node, Shift};
    use crate::ot::FieldBits;
    use crate::plan::NetworkPlan;
    use gazelle_import::zoo;

    fn sources(network: &str, settings: Settings) -> [Source; 2] {
        let card = zoo::network(network).unwrap().card().clone();
        *NetworkPlan::new(card, &settings).unwrap().sources()
    }

    /// Networks that take few transfers, links that are fast, and settings that forbid it: all take the
    /// extension.
    #[test]
    fn silent_transfers_are_chosen_where_they_send_less() {
        let of = |link: &str| Settings {
            activations: EngineChoice::Masks,
            ..Settings::for_link(link.parse::<Link>().unwrap())
        };
        let silent = Source::Silent(LpnSet::K18);
        let slow = of("100mbit,80ms");
        let extension = Source::SoftSpoken(slow.field);
        assert_eq!(sources("cifar10", slow), [silent; 2]);
        assert_eq!(sources("a", slow), [extension; 2]);
        let forbidden = Settings { transfers: TransferSource::SoftSpoken, ..slow };
        assert_eq!(sources("cifar10", forbidden), [extension; 2]);
        let fast = of("10gbit,0.1ms");
        assert_eq!(sources("cifar10", fast), [Source::SoftSpoken(fast.field); 2]);
        let forced = Settings { transfers: TransferSource::Silent(LpnSet::K17), ..fast };
        assert_eq!(sources("a", forced), [Source::Silent(LpnSet::K17); 2]);
    }

    /// CIFAR-10's layers, with sums of 21 bits of which 8 are dropped.
    fn narrow_cifar10() -> Card {
        let mut card = zoo::network("cifar10").unwrap().card().clone();
        for node in &mut card.nodes {
            if let Node::Activation(node) = node {
                (node.sum_bits, node.shift) = (20, Shift::Tensor(8));
            }
        }
        card.head.sum_bits = 20;
        card
    }

    /// The settings of a link on which bytes decide.
    fn frugal() -> Settings {
        Settings {
            activations: EngineChoice::Masks,
            offline_percent: 100,
            ..Settings::for_link("10mbit,20ms".parse().unwrap())
        }
    }

    /// Offline and online together, in the long run and beyond what a session sends once: the set-up
    /// and the requests for the reserves.
    #[test]
    fn an_activation_takes_at_most_fifty_bytes() {
        let cifar10 = zoo::network("cifar10").unwrap().card().clone();
        let [[online, narrow], [_, cifar10]] =
            [narrow_cifar10(), cifar10].map(|card| bytes(card, frugal()));
        println!("k = 21, f = 8: {narrow:.2} bytes; CIFAR-10: {cifar10:.2} bytes");
        assert!((16.0..=17.0).contains(&online), "{online} bytes online");
        assert!((45.0..=50.0).contains(&narrow), "{narrow} bytes");
        assert!((45.0..=53.5).contains(&cifar10), "{cifar10} bytes");
    }

    /// With requests to the extension, of which each part of a layer has its own.
    #[test]
    fn an_activation_takes_at_most_172_bytes_by_the_extension() {
        let transfers = TransferSource::SoftSpoken;
        let settings = Settings { transfers, field: FieldBits::Eight, ..frugal() };
        let [online, all] = bytes(narrow_cifar10(), settings);
        println!("k = 21, f = 8, K = 8: {online:.2} bytes online, {all:.2} in all");
        assert!((16.0..=17.0).contains(&online), "{online} bytes online");
        assert!((160.0..=172.0).contains(&all), "{all} bytes");
    }

    /// Bytes of an activation by masks: online, and in all.
    fn bytes(card: Card, settings: Settings) -> [f64; 2] {
        let plan = NetworkPlan::new(card, &settings).unwrap();
        let (mut bytes, mut activations) = ([0; 2], 0);
        for plan in plan.activations() {
            if matches!(plan, ActivationPlan::Masks(_)) {
                let crate::plan::EngineCost { offline, online } = plan.cost(settings.field);
                bytes[0] += online.sent + online.received;
                bytes[1] += offline.sent + offline.received + online.sent + online.received;
                activations += plan.instances() as u64;
            }
        }
        let mut stocks = crate::plan::Stocks::default();
        let mut refill = |times: u64| {
            let sum = (0..times).map(|_| plan.refill(&mut stocks, 1));
            sum.map(|traffic| traffic.sent + traffic.received).sum::<u64>()
        };
        refill(1);
        let later = refill(32);
        let [online, all] = bytes.map(|bytes| bytes as f64 / activations as f64);
        [online, all + later as f64 / (32 * activations) as f64]
    }
}
