//! Bundles on both sides' disks, used in sessions of a real network.

use std::collections::HashSet;
use std::io::{self, Read};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use gazelle_protocol::Error as ProtocolError;
use gazelle_protocol::bundle::BundleStore;
use gazelle_protocol::model::{Activation, Network};
use gazelle_protocol::session::{self, Server, Settings, Terms};
use gazelle_protocol::transport::{self, Channel};
use gazelle_tests::parties::tiny_network;
use tempfile::TempDir;

use super::*;
use crate::Client;

/// The folders of both parties.
struct World(TempDir);

impl World {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn client(&self) -> ClientStore {
        let key = StoreKey::open(&self.path("client.key")).unwrap();
        ClientStore::open(&self.path("client"), key, LIFETIME).unwrap()
    }

    fn server(&self, bundles: usize, lifetime: Duration) -> Arc<ServerStore> {
        let table = Sqlite::open(&self.path("server.sqlite")).unwrap();
        let key = StoreKey::open(&self.path("server.key")).unwrap();
        Arc::new(ServerStore::new(Box::new(table), key, Limits { bundles, lifetime }))
    }
}

/// Both ends of a connection; over TCP, where whoever is refused hears why.
fn connected() -> (Channel, Channel) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let patience = Duration::from_secs(60);
    let near = transport::connect(&address, patience, None).unwrap();
    (near, transport::accept(listener.accept().unwrap().0, patience, None).unwrap())
}

fn named(name: &str) -> Client {
    Client { name: name.into(), ..Client::unnamed() }
}

/// One session of a freshly started server and a freshly started client, which does `act`; how the
/// server ended.
fn in_session<T>(
    network: Network,
    store: &Arc<ServerStore>,
    owner: &str,
    act: impl FnOnce(&mut session::Client) -> T,
) -> (T, Result<u64, ProtocolError>) {
    let server = Server::new(network, &Settings::default()).unwrap();
    let (near, far) = connected();
    let mut bundles = store.of(&named(owner), server.service());
    thread::scope(|scope| {
        let serve = || server.serve_from(far, &mut bundles);
        let served = scope.spawn(serve);
        let mut client = session::Client::connect(near, &Terms::NONE).unwrap();
        let result = act(&mut client);
        // A session that has failed has no farewell.
        let _ = client.close();
        (result, served.join().unwrap().map(|served| served.inferences))
    })
}

fn prepare(client: &mut session::Client, count: usize, store: &ClientStore) {
    for bundle in client.offline(count, |_, _| ()).unwrap() {
        store.put(client.plan(), bundle).unwrap();
    }
}

fn classify(client: &mut session::Client, store: &ClientStore) -> Result<usize, ProtocolError> {
    let image = vec![3; client.plan().card().input.len()];
    let bundle = store.take(client.plan()).unwrap().expect("one waits");
    client.classify(bundle, &image).map(|outcome| outcome.label().expect("the head gives one"))
}

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

/// The same table, opened once more.
type Open<'a> = &'a (dyn Fn() -> Box<dyn Table> + Sync);

/// Many processes: what each has claimed, nobody else has.
fn claim_all(open: Open<'_>, ids: &[[u8; 32]], claimers: usize) -> Vec<[u8; 32]> {
    let start = Barrier::new(claimers);
    thread::scope(|scope| {
        let claim = || {
            let table = open();
            start.wait();
            let claimed = ids.iter().filter(|id| table.claim(id, "alice", 0).unwrap().is_some());
            claimed.copied().collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..claimers).map(|_| scope.spawn(claim)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

fn rows_are_claimed_once(open: Open<'_>) {
    let table = open();
    let ids: Vec<[u8; 32]> = (0..60).map(|i| [i; 32]).collect();
    for id in &ids {
        let row = Row { id: *id, owner: "alice", network: [1; 32], expires: 9, half: &[7; 5000] };
        table.put(&row).unwrap();
        assert!(table.put(&row).is_err(), "a row has one name");
    }
    assert!(table.claim(&ids[0], "bob", 0).unwrap().is_none());
    assert!(table.claim(&ids[0], "alice", 9).unwrap().is_none(), "it has expired");
    assert_eq!(table.count(Some("alice"), 0).unwrap(), 60);
    assert_eq!((table.count(Some("bob"), 0).unwrap(), table.count(None, 0).unwrap()), (0, 60));
    let last = table.claim(&ids[59], "alice", 0).unwrap().unwrap();
    assert_eq!((last.network, last.half), (vec![1; 32], vec![7; 5000]));
    let claimed = claim_all(open, &ids, 4);
    assert_eq!(claimed.len(), 59);
    assert_eq!(claimed.iter().collect::<HashSet<_>>().len(), 59);
    assert_eq!(table.count(Some("alice"), 0).unwrap(), 0);
    let row = Row { id: [99; 32], owner: "alice", network: [1; 32], expires: 9, half: &[] };
    table.put(&row).unwrap();
    assert_eq!(
        (table.sweep(8).unwrap(), table.sweep(9).unwrap(), table.sweep(9).unwrap()),
        (0, 1, 0)
    );
}

/// Quotas are charged once, and survive the process.
fn quotas_are_kept(open: Open<'_>) {
    let quota = |day, total| Quota { day, total };
    let charge = |day, quota, count| open().charge("alice", day, quota, count).unwrap();
    let few = quota(Some(2), Some(3));
    assert_eq!(charge(7, few, 1), Charge::Granted);
    assert_eq!(charge(7, few, 1), Charge::Granted);
    assert_eq!(charge(7, few, 1), Charge::DayOver);
    assert_eq!(charge(7, few, 0), Charge::DayOver);
    assert_eq!(charge(8, few, 0), Charge::Granted);
    assert_eq!(charge(8, few, 1), Charge::Granted);
    assert_eq!(charge(9, few, 1), Charge::AllUsed);
    assert_eq!(charge(9, quota(None, Some(4)), 1), Charge::Granted);
    assert_eq!(charge(9, quota(None, None), 1), Charge::Granted);
    assert_eq!(open().charge("bob", 7, few, 1).unwrap(), Charge::Granted);
    // Whoever asks at the same time gets no more than there is.
    let granted = thread::scope(|scope| {
        let ask = || open().charge("carol", 1, quota(Some(5), None), 1).unwrap();
        let threads: Vec<_> = (0..12).map(|_| scope.spawn(ask)).collect();
        let charges = threads.into_iter().map(|thread| thread.join().unwrap());
        charges.filter(|charge| *charge == Charge::Granted).count()
    });
    assert_eq!(granted, 5);
}

#[test]
fn sqlite_gives_rows_out_once_and_keeps_quotas() {
    let world = World::new();
    let path = world.path("table.sqlite");
    let open = || Box::new(Sqlite::open(&path).unwrap()) as Box<dyn Table>;
    rows_are_claimed_once(&open);
    quotas_are_kept(&open);
}

/// `tests/postgres.sh` starts a database that is empty, and says where.
#[cfg(feature = "postgres")]
#[test]
fn postgres_gives_rows_out_once_and_keeps_quotas() {
    let Ok(address) = std::env::var("GAZELLE_POSTGRES") else {
        return eprintln!("skipped: GAZELLE_POSTGRES names no database");
    };
    let open = || Box::new(Postgres::open(&address).unwrap()) as Box<dyn Table>;
    // Replicas start at the same time, and each finds the tables or makes them.
    thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(|| drop(open())))));
    rows_are_claimed_once(&open);
    quotas_are_kept(&open);
    let wrong = Postgres::open("postgres://nobody:secret@127.0.0.1:1/none").err().unwrap();
    assert!(!wrong.to_string().contains("secret"), "{wrong}");
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

/// Passes on what a client sends until `limit` bytes are through, then cuts the connection on both
/// sides, as the death of either party does.
fn cut_after(limit: u64, near: &TcpStream, far: &TcpStream) {
    thread::scope(|scope| {
        let down = || io::copy(&mut &*far, &mut &*near);
        let down = scope.spawn(down);
        // Whatever fails, the connection ends.
        let _ = io::copy(&mut near.take(limit), &mut &*far);
        [near, far].iter().for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
        let _ = down.join().unwrap();
    });
}

/// A session that is cut in all kinds of places: what waits for the client then, the server has too,
/// and both have forgotten what was begun.
#[test]
fn cut_connections_leave_what_can_be_used() {
    const CUTS: u64 = 48;
    let (world, network) = (World::new(), tiny_network(Activation::Argmax));
    let (store, ours) = (world.server(9, LIFETIME), world.client());
    let server = Server::new(network, &Settings::default()).unwrap();
    let plan = server.plan();
    let image = vec![3; plan.card().input.len()];
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let session = |limit, act: &dyn Fn(&mut session::Client) -> Result<(), ProtocolError>| {
        let near = TcpStream::connect(&address).unwrap();
        let middle = listener.accept().unwrap().0;
        let far = TcpStream::connect(&address).unwrap();
        let end = listener.accept().unwrap().0;
        let patience = Duration::from_secs(30);
        let mut bundles = store.of(&named("alice"), server.service());
        thread::scope(|scope| {
            scope.spawn(|| cut_after(limit, &middle, &far));
            let channel = transport::accept(end, patience, None).unwrap();
            let served = scope.spawn(|| server.serve_from(channel, &mut bundles).is_ok());
            let channel = transport::begin(near, patience, None).unwrap();
            let client = session::Client::connect(channel, &Terms::NONE);
            let result = client.and_then(|mut client| {
                let result = act(&mut client);
                let _ = client.close();
                result
            });
            (result.is_ok(), served.join().unwrap())
        })
    };
    let prepare_one = |client: &mut session::Client| {
        client.offline(1, |_, _| ()).map(|mut made| ours.put(plan, made.remove(0)).unwrap())
    };
    let use_one = |client: &mut session::Client| {
        let bundle = ours.take(plan).unwrap().expect("one waits");
        client.classify(bundle, &image).map(|_| ())
    };
    let total = plan.setup().sent + plan.online().sent;
    let mut ended = 0;
    for cut in 0..=CUTS {
        if ours.count(plan).unwrap() == 0 {
            assert_eq!(session(u64::MAX, &prepare_one), (true, true));
        }
        let (classified, _) = session(total * cut / CUTS + 1, &use_one);
        ended += usize::from(classified);
        let rows = store.of(&named("alice"), server.service()).len();
        assert!(ours.count(plan).unwrap() <= rows, "after {cut} of {CUTS}");
    }
    assert!((1..=2).contains(&ended), "{ended} got through");
    while ours.count(plan).unwrap() > 0 {
        assert_eq!(session(u64::MAX, &use_one), (true, true));
    }
}
