//! Bundles of one session, used in others: once, by their client, for their network, in their time.

use std::collections::HashSet;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use gazelle_protocol::bundle::BundleStore;
use gazelle_protocol::model::{Activation, Network};
use gazelle_protocol::session::{self, Server, Settings, Terms};
use gazelle_tests::parties::tiny_network;

use super::*;
use crate::Client;

#[test]
fn prepared_in_one_session_used_in_others() {
    let (world, network) = (World::new(), tiny_network(Activation::Argmax));
    let class = network.forward(&vec![3; network.card().input.len()]).unwrap().label();
    let act = |client: &mut session::Client| prepare(client, 3, &world.client());
    in_session(network.clone(), &world.server(9, LIFETIME), "alice", act).1.unwrap();
    for left in [2, 1, 0] {
        // Both programs start anew each time.
        let (store, ours) = (world.server(9, LIFETIME), world.client());
        let (result, served) =
            in_session(network.clone(), &store, "alice", |client| classify(client, &ours));
        assert_eq!((result.unwrap(), served.unwrap()), (class, 1));
        let server = Server::new(network.clone(), &Settings::default()).unwrap();
        assert_eq!(ours.count(server.plan()).unwrap(), left);
        assert_eq!(store.of(&named("alice"), server.service()).len(), left);
    }
    let (none, _) = in_session(network, &world.server(9, LIFETIME), "alice", |client| {
        world.client().take(client.plan()).unwrap().is_none()
    });
    assert!(none);
}

/// A server that asks for it twice, or a client that restores its folder, gets nothing the second
/// time.
#[test]
fn a_half_that_was_copied_back() {
    let (world, network) = (World::new(), tiny_network(Activation::Argmax));
    let store = world.server(9, LIFETIME);
    let act = |client: &mut session::Client| prepare(client, 1, &world.client());
    in_session(network.clone(), &store, "alice", act).1.unwrap();
    let files = |ending: &str| {
        let paths = std::fs::read_dir(world.path("client")).unwrap().map(|e| e.unwrap().path());
        paths.filter(|path| path.extension().is_some_and(|e| e == ending)).collect::<Vec<_>>()
    };
    let half = files("ready").remove(0);
    let copy = std::fs::read(&half).unwrap();
    let ours = world.client();
    in_session(network.clone(), &store, "alice", |client| classify(client, &ours)).0.unwrap();
    assert!(files("ready").is_empty() && files("spent").is_empty());
    std::fs::write(&half, copy).unwrap();
    let (again, served) = in_session(network, &store, "alice", |client| classify(client, &ours));
    assert!(again.unwrap_err().to_string().contains("does not exist or is spent"));
    assert!(served.is_err());
}

#[test]
fn other_clients_models_and_times() {
    let world = World::new();
    let network = tiny_network(Activation::Argmax);
    let mut blocks = network.blocks().to_vec();
    let weight = &mut blocks[0].weights[0];
    *weight = if *weight == 0 { 1 } else { 0 };
    let retrained = Network::try_new(network.card().clone(), blocks).unwrap();
    let (store, ours) = (world.server(3, LIFETIME), world.client());
    let act = |client: &mut session::Client| prepare(client, 3, &ours);
    in_session(network.clone(), &store, "alice", act).1.unwrap();
    let refused = |network: &Network, owner: &str| {
        let ask = |client: &mut session::Client| classify(client, &ours);
        in_session(network.clone(), &store, owner, ask).0.unwrap_err().to_string()
    };
    let bob = refused(&network, "bob");
    assert!(bob.contains("does not exist or is spent"), "{bob}");
    // The card is the same, so the client cannot know.
    let other = refused(&retrained, "alice");
    assert!(other.contains("was prepared for another network"), "{other}");
    // Alice has two rows left, and may have three.
    let (too_many, _) = in_session(network.clone(), &store, "alice", |client| {
        client.offline(2, |_, _| ()).is_err()
    });
    assert!(too_many);
    let (fits, _) =
        in_session(network.clone(), &store, "alice", |client| client.offline(1, |_, _| ()).is_ok());
    assert!(fits);
    // Nothing is kept for no time.
    let brief = world.server(9, Duration::ZERO);
    let act = |client: &mut session::Client| prepare(client, 1, &ours);
    in_session(network.clone(), &brief, "carol", act).1.unwrap();
    let server = Server::new(network, &Settings::default()).unwrap();
    assert_eq!(brief.of(&named("carol"), server.service()).len(), 0);
    assert_eq!(brief.sweep().unwrap(), 1);
    assert_eq!(brief.sweep().unwrap(), 0);
}

#[test]
fn keys_and_bytes_that_are_wrong() {
    let (world, network) = (World::new(), tiny_network(Activation::Argmax));
    let store = world.server(9, LIFETIME);
    let act = |client: &mut session::Client| prepare(client, 2, &world.client());
    in_session(network.clone(), &store, "alice", act).1.unwrap();
    let open = |key: &str, lifetime| {
        ClientStore::open(
            &world.path("client"),
            StoreKey::open(&world.path(key)).unwrap(),
            lifetime,
        )
    };
    let wrong = open("other.key", LIFETIME).err().unwrap().to_string();
    assert!(wrong.contains("another key"), "{wrong}");
    let ours = world.client();
    let server = Server::new(network.clone(), &Settings::default()).unwrap();
    let half = std::fs::read_dir(world.path("client")).unwrap().map(|e| e.unwrap().path());
    let half = half.filter(|path| path.extension().is_some_and(|e| e == "ready"));
    half.for_each(|half| {
        let mut bytes = std::fs::read(&half).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&half, bytes).unwrap();
    });
    for _ in 0..2 {
        let damaged = ours.take(server.plan()).err().unwrap().to_string();
        assert!(damaged.contains("is damaged"), "{damaged}");
    }
    assert!(ours.take(server.plan()).unwrap().is_none());
    // Whoever changes the server's key loses what was sealed with the other one.
    std::fs::remove_file(world.path("server.key")).unwrap();
    let act = |client: &mut session::Client| prepare(client, 1, &ours);
    in_session(network.clone(), &world.server(9, LIFETIME), "bob", act).1.unwrap();
    std::fs::remove_file(world.path("server.key")).unwrap();
    let other = world.server(9, LIFETIME);
    let (lost, _) = in_session(network, &other, "bob", |client| classify(client, &ours));
    assert!(lost.unwrap_err().to_string().contains("is damaged"));
    // What is old is taken away when the store is opened.
    let act = |client: &mut session::Client| prepare(client, 1, &ours);
    in_session(tiny_network(Activation::Argmax), &other, "bob", act).1.unwrap();
    assert_eq!(ours.count(server.plan()).unwrap(), 1);
    thread::sleep(Duration::from_millis(20));
    open("client.key", Duration::ZERO).unwrap();
    assert_eq!(ours.count(server.plan()).unwrap(), 0);
    assert!(Sqlite::open(&world.path("client.key")).is_err());
}

#[test]
fn a_file_is_taken_once_by_whoever_is_first() {
    let (world, network) = (World::new(), tiny_network(Activation::Argmax));
    let act = |client: &mut session::Client| prepare(client, 12, &world.client());
    in_session(network.clone(), &world.server(99, LIFETIME), "alice", act).1.unwrap();
    let server = Server::new(network, &Settings::default()).unwrap();
    let start = Barrier::new(4);
    let names = thread::scope(|scope| {
        let take = || {
            let store = world.client();
            start.wait();
            let taken = std::iter::from_fn(|| store.take(server.plan()).unwrap());
            taken.map(|bundle| bundle.name()).collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(names.len(), 12);
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), 12);
}

#[test]
fn a_client_that_has_used_its_quota_is_told_when_to_come_back() {
    let (world, network) = (World::new(), tiny_network(Activation::Argmax));
    let server = Server::new(network.clone(), &Settings::default()).unwrap();
    let image = vec![3; network.card().input.len()];
    let limits = Limits { bundles: 9, lifetime: LIFETIME };
    let in_memory =
        Arc::new(ServerStore::of_sessions(Box::new(Sqlite::in_memory().unwrap()), limits));
    for store in [in_memory, world.server(9, LIFETIME)] {
        let mut client = Client { inferences_per_day: Some(2), bundles: Some(3), ..named("alice") };
        for (prepared, used, words) in [
            (4, 0, "you may keep 3 prepared inferences, and 0 wait"),
            (3, 3, "quota of 2 inferences a day is used up; come back at 00:00 UTC, in "),
            (1, 0, "quota of 2 inferences a day is used up"),
        ] {
            let (near, far) = connected();
            let mut bundles = store.of(&client, server.service());
            let error = thread::scope(|scope| {
                let served = scope.spawn(|| server.serve_from(far, &mut bundles));
                let mut session = session::Client::connect(near, &Terms::NONE).unwrap();
                let result = session.offline(prepared, |_, _| ()).and_then(|bundles| {
                    let used = bundles.into_iter().take(used);
                    used.map(|bundle| session.classify(bundle, &image))
                        .try_for_each(|o| o.map(|_| ()))
                });
                let _ = session.close();
                assert!(served.join().unwrap().is_err());
                result.unwrap_err().to_string()
            });
            assert!(error.contains(words), "{error}");
        }
        client.inferences_per_day = None;
        client.inferences = Some(2);
        assert_eq!(store.counts(), (2, 3));
        let mut bundles = store.of(&client, server.service());
        let denied = bundles.grant(1).unwrap_err().to_string();
        assert!(denied.contains("ask the server's operator for more"), "{denied}");
    }
}

/// Images that go through the network together count together: what does not fit spends nothing.
#[test]
fn images_together_fit_a_quota_or_spend_none_of_it() {
    let (world, network) = (World::new(), tiny_network(Activation::Argmax));
    let server = Server::new(network.clone(), &Settings::default()).unwrap();
    let store = world.server(9, LIFETIME);
    let client = Client { inferences_per_day: Some(2), ..named("alice") };
    let mut prepared = Vec::new();
    for (together, words) in [
        (3, Some("you ask for 3 inferences, and 2 are left of your quota of 2 inferences a day")),
        (2, None),
    ] {
        let (near, far) = connected();
        let mut bundles = store.of(&client, server.service());
        let outcomes = thread::scope(|scope| {
            scope.spawn(|| server.serve_from(far, &mut bundles));
            let mut session = session::Client::connect(near, &Terms::NONE).unwrap();
            if prepared.is_empty() {
                prepared = session.offline(5, |_, _| ()).unwrap();
            }
            let images = vec![vec![3; network.card().input.len()]; together];
            let used = prepared.split_off(prepared.len() - together);
            let outcomes = session.classify_together(used, &images, |_, _| ());
            let _ = session.close();
            outcomes
        });
        let waiting = store.of(&client, server.service()).len();
        match words {
            Some(words) => {
                let denied = outcomes.unwrap_err().to_string();
                assert!(denied.contains(words) && waiting == 5, "{waiting}: {denied}");
            }
            None => assert_eq!((outcomes.unwrap().len(), waiting), (2, 3)),
        }
    }
    assert_eq!(store.counts().0, 2);
}
