//! Parties that do not agree on what they do.

use super::*;
use crate::error::Misuse;
use crate::wire::Announcement;

/// A head of thresholds tells no class: the server refuses to start, a client the server's word.
#[test]
fn a_policy_that_the_head_does_not_have_is_refused() {
    let mut card = network(Activation::Argmax, &mut ChaCha20Rng::seed_from_u64(9)).card().clone();
    card.head.head = Head::Thresholds(vec![0; 5]);
    let settings = Settings { policy: Policy::Class, ..Settings::default() };
    let error = NetworkPlan::new(card.clone(), &settings).err().unwrap();
    assert!(matches!(error, Error::Misuse(Misuse::Policy)), "{error}");
    let announcement = Announcement::new(&settings, &[0; 32], &card.to_bytes().unwrap());
    let error = Terms::NONE.accept(&announcement).err().unwrap();
    assert!(matches!(error, Error::Peer(PeerFault::Settings)), "{error}");
}

/// Parties that plan differently notice it, whatever the difference is.
#[test]
fn another_plan_is_refused() {
    let network = network(Activation::Argmax, &mut ChaCha20Rng::seed_from_u64(6));
    let plan = NetworkPlan::new(network.card().clone(), &Settings::default()).unwrap();
    let settings = [
        Settings::for_link(Link::WAN),
        Settings { field: FieldBits::One, ..Settings::default() },
        Settings { tables: Delivery::Streamed, ..Settings::default() },
        Settings { policy: Policy::Class, ..Settings::default() },
        Settings { policy: Policy::Values, ..Settings::default() },
        Settings { activations: EngineChoice::Masks, ..Settings::default() },
        silent(LpnSet::K17),
        silent(LpnSet::K18),
    ];
    for settings in settings {
        let other = NetworkPlan::new(network.card().clone(), &settings).unwrap();
        assert_ne!(plan.digest(), other.digest(), "{settings:?}");
    }
    assert!(Terms::NONE.accept(&plan.announcement()).is_ok());
    let mut digest = plan.digest();
    digest[31] ^= 1;
    let announcement =
        Announcement::new(plan.settings(), &digest, &plan.card().to_bytes().unwrap());
    let error = Terms::NONE.accept(&announcement).err().unwrap();
    assert!(matches!(error, Error::Peer(PeerFault::Plan)), "{error}");
}
