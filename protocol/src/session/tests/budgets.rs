//! What would cost a party too much.

use std::io;

use super::*;
use crate::bundle::{BundleStore, ServerBundle, Waiting};
use crate::model::Node;
use crate::plan::LinearChoice;
use crate::wire::Announcement;

/// A card of a few bytes must not make a client allocate messages without bound.
#[test]
fn a_layer_whose_messages_are_too_long_is_refused() {
    let card = Chain {
        name: "large".into(),
        input: Shape { channels: 1, height: 4096, width: 4096 },
        blocks: vec![
            block(convolution(1, 60, 1, 0), Activation::Relu { shift: 0, max_pool: None }),
            block(Linear::Dense { outputs: 2 }, Activation::Argmax),
        ],
        classes: vec!["a".into(), "b".into()],
    };
    let card = card.to_card().unwrap();
    assert!(card.check().is_ok());
    let refusal = NetworkPlan::new(card, &Settings::default()).err().unwrap().to_string();
    assert!(refusal.contains("1073741824 are the most"), "{refusal}");
}

/// A card of a few bytes must not make a client plan for minutes what it has no memory for.
#[test]
fn maps_beyond_the_memory_allowed_are_not_planned() {
    let shape = Shape { channels: 1, height: 64, width: 64 };
    let blocks = vec![block(convolution(1, 3, 1, 0), Activation::Argmax)];
    let classes = (0..62 * 62).map(|class| class.to_string()).collect();
    let chain = Chain { name: "many".into(), input: shape, blocks, classes };
    let mut card = chain.to_card().unwrap();
    let Node::Linear(node) = &mut card.nodes[0] else { panic!("a linear node") };
    node.terms = vec![node.terms[0]; 100];
    card.head.sum_bits = 31;
    let allowed = 4 << 20;
    let terms = Terms { memory: allowed, ..Terms::NONE };
    for linear in [LinearChoice::Coefficient, LinearChoice::Hint] {
        let settings = Settings { linear, ..Settings::default() };
        let announcement = Announcement::new(&settings, &[0; 32], &card.to_bytes().unwrap());
        match terms.accept(&announcement).err().unwrap() {
            Error::Limit(Limit::Memory { needed, .. }) => assert!(needed < 2 * allowed),
            error => panic!("{error}"),
        }
    }
}

/// Bundles in a store that is said to be on a disk.
struct OnDisk(Waiting);

impl BundleStore for OnDisk {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn in_memory(&self) -> bool {
        false
    }

    fn put(&mut self, bundle: ServerBundle) -> io::Result<()> {
        BundleStore::put(&mut self.0, bundle)
    }

    fn take(&mut self, name: &BundleName) -> io::Result<Option<ServerBundle>> {
        BundleStore::take(&mut self.0, name)
    }
}

/// A session with bundles that are read from a disk.
fn stored<T>(server: &Server, store: &mut OnDisk, act: impl FnOnce(&mut Client) -> T) -> T {
    let (near, far) = transport::pair(None);
    thread::scope(|scope| {
        scope.spawn(|| server.serve_from(far, store));
        let mut client = Client::connect(near, &Terms::NONE).unwrap();
        let done = act(&mut client);
        // It may have been refused.
        let _ = client.close();
        done
    })
}

/// What is read from a disk for an online phase takes memory of the server's; where there is none left,
/// nothing is spent.
#[test]
fn bundles_that_are_read_again_take_memory() {
    let network = network(Activation::Argmax, &mut ChaCha20Rng::seed_from_u64(8));
    let server = |total: u64| {
        let server = Server::new(network.clone(), &Settings::default()).unwrap();
        server.with_capacity(Capacity { total, ..Capacity::default() })
    };
    let large = server(Capacity::default().total);
    let small = server(large.plan().server_memory() * 3 / 2);
    let mut store = OnDisk(Waiting::default());
    let mut bundles = stored(&large, &mut store, |client| client.offline(3, |_, _| ()).unwrap());
    let two = bundles.split_off(1);
    let images = [[7; 198]; 2];
    let together = stored(&small, &mut store, |c| c.classify_together(two, &images, |_, _| ()));
    assert!(together.is_err() && store.len() == 3);
    let one = bundles.remove(0);
    stored(&small, &mut store, |client| client.classify(one, &images[0]).unwrap());
    assert_eq!(store.len(), 2);
}
