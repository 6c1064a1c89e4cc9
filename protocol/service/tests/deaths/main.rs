//! Parties with stores on disk that die, as by SIGKILL, before or after any message and any change of
//! a store: no bundle is used twice, no store is lost, and the server has the partner of whatever half a
//! client has. `tests/faults.sh` has them die 10,000 times.
//!
//! A party dies by unwinding from the read, the write or the store's call at which its time is over:
//! none of its code for errors runs, and nothing more leaves it. The next session opens both stores
//! anew, as a process that was started again does.

#![forbid(unsafe_code)]

mod lives;

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;

use gazelle_protocol::bundle::BundleName;
use gazelle_protocol::model::{Activation, Network};
use gazelle_protocol::session::{Client, Server, Settings, Terms};
use gazelle_protocol::transport::Channel;
use gazelle_service::Error;
use gazelle_service::bundles::{
    Amount, Charge, Claimed, ClientStore, LIFETIME, Limits, Quota, Row, ServerStore, Sqlite,
    StoreKey, Table, Usage,
};
use gazelle_tests::parties::tiny_network;
use gazelle_tests::rng;
use rand::{Rng, RngExt};

use lives::{Death, Life, connection};

static NETWORK: LazyLock<Network> = LazyLock::new(|| tiny_network(Activation::Argmax));
static SERVER: LazyLock<Server> =
    LazyLock::new(|| Server::new(NETWORK.clone(), &Settings::default()).unwrap());

/// Bundles that wait before more are prepared.
const ENOUGH: usize = 4;

/// What happened to all bundles so far.
#[derive(Default)]
struct History {
    /// Ids of rows that the table has given out.
    claimed: HashSet<[u8; 32]>,
    rows: usize,
    /// Names of bundles that the client's store has given out.
    taken: HashSet<BundleName>,
    halves: usize,
}

/// A table whose server may die before and after each change.
struct Mortal {
    table: Box<dyn Table>,
    life: Life,
    history: Arc<Mutex<History>>,
}

impl Mortal {
    fn change<T>(&self, act: impl FnOnce(&dyn Table) -> T) -> T {
        self.life.event();
        act(&*self.table)
    }
}

impl Table for Mortal {
    fn put(&self, row: &Row<'_>) -> Result<(), Error> {
        self.change(|table| table.put(row))?;
        self.history.lock().unwrap().rows += 1;
        self.life.event();
        Ok(())
    }

    fn keep(&self, ids: &[[u8; 32]], expires: i64) -> Result<(), Error> {
        self.change(|table| table.keep(ids, expires))?;
        self.life.event();
        Ok(())
    }

    fn claim(&self, id: &[u8; 32], owner: &str, now: i64) -> Result<Option<Claimed>, Error> {
        let claimed = self.change(|table| table.claim(id, owner, now))?;
        if claimed.is_some() {
            let mut history = self.history.lock().unwrap();
            assert!(history.claimed.insert(*id), "a bundle was given out twice");
            history.rows -= 1;
        }
        self.life.event();
        Ok(claimed)
    }

    fn count(&self, owner: Option<&str>, now: i64) -> Result<usize, Error> {
        self.table.count(owner, now)
    }

    fn sweep(&self, now: i64) -> Result<usize, Error> {
        self.table.sweep(now)
    }

    fn charge(&self, owner: &str, day: i64, quota: Quota, amount: Amount) -> Result<Charge, Error> {
        self.change(|table| table.charge(owner, day, quota, amount))
    }

    fn usage(&self, day: i64) -> Result<Vec<Usage>, Error> {
        self.table.usage(day)
    }
}

/// What a client does in a session.
#[derive(Clone, Copy)]
enum Task {
    /// Prepares so many inferences.
    Prepare(usize),
    /// Classifies an image with a bundle from its store.
    Classify,
}

/// What became of a session.
struct Ends {
    /// Whether the client came to its end, if it lived.
    client: Option<Result<(), String>>,
    /// Whether the server lived.
    server_lived: bool,
}

/// A world of two parties and their stores.
struct World {
    folder: tempfile::TempDir,
    history: Arc<Mutex<History>>,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("client")).unwrap();
        Self { folder, history: Arc::default() }
    }

    fn key(&self, name: &str) -> StoreKey {
        StoreKey::open(&self.folder.path().join(name)).unwrap()
    }

    fn client_store(&self) -> ClientStore {
        let folder = self.folder.path().join("client");
        ClientStore::open(&folder, self.key("client.key"), LIFETIME).unwrap()
    }

    fn table(&self) -> Box<dyn Table> {
        Box::new(open_table(&self.folder.path().join("bundles.sqlite")))
    }

    /// A session of parties that live for so many events.
    fn session(&self, task: Task, image: &[u8], lives: [&Life; 2]) -> Ends {
        let [near, far] = connection(lives[0], lives[1]);
        let table = Mortal {
            table: self.table(),
            life: lives[1].clone(),
            history: Arc::clone(&self.history),
        };
        let limits = Limits { bundles: usize::MAX, lifetime: LIFETIME };
        let store = ServerStore::new(Box::new(table), self.key("server.key"), limits);
        let (store, unnamed) = (Arc::new(store), gazelle_service::Client::unnamed());
        thread::scope(|scope| {
            let server = scope.spawn(move || {
                let mut bundles = store.of(&unnamed, SERVER.service());
                lives_through(|| drop(SERVER.serve_from(far, &mut bundles))).is_some()
            });
            let client = lives_through(|| self.run(task, image, near, lives[0]));
            Ends { client, server_lived: server.join().unwrap() }
        })
    }

    fn run(&self, task: Task, image: &[u8], channel: Channel, life: &Life) -> Result<(), String> {
        let store = self.client_store();
        let mut client = Client::connect(channel, &Terms::NONE).map_err(|e| e.to_string())?;
        match task {
            Task::Prepare(count) => {
                let bundles = client.offline(count, |_, _| ()).map_err(|e| e.to_string())?;
                for bundle in bundles {
                    life.event();
                    store.put(client.plan(), bundle).unwrap();
                    self.history.lock().unwrap().halves += 1;
                    life.event();
                }
            }
            Task::Classify => {
                life.event();
                let bundle = store.take(client.plan()).unwrap().expect("one waits");
                {
                    let mut history = self.history.lock().unwrap();
                    assert!(history.taken.insert(bundle.name()), "a bundle was taken twice");
                    history.halves -= 1;
                }
                life.event();
                let outcome = client.classify(bundle, image).map_err(|e| e.to_string())?;
                assert_eq!(outcome.numbers(), NETWORK.forward(image).unwrap().result);
            }
        }
        client.close().map_err(|e| e.to_string())
    }

    /// How many bundles wait on the client's side; asserts that both stores hold what they should.
    fn waiting(&self) -> usize {
        let (halves, rows) = (
            self.client_store().count(SERVER.plan()).unwrap(),
            self.table().count(None, 0).unwrap(),
        );
        let history = self.history.lock().unwrap();
        assert_eq!((halves, rows), (history.halves, history.rows), "a store has lost something");
        assert!(halves <= rows, "a client has a half that the server does not have");
        halves
    }
}

fn open_table(path: &Path) -> Sqlite {
    Sqlite::open(path).unwrap()
}

/// What `act` gives; none if it dies.
fn lives_through<T>(act: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(act)) {
        Ok(result) => Some(result),
        Err(cause) if cause.is::<Death>() => None,
        Err(fault) => resume_unwind(fault),
    }
}

/// Events of each party in a session in which nobody dies.
fn events(task: Task, image: &[u8]) -> [i64; 2] {
    let world = World::new();
    let endless = || Life::of(i64::MAX);
    if matches!(task, Task::Classify) {
        world.session(Task::Prepare(1), image, [&endless(), &endless()]);
    }
    let lives = [endless(), endless()];
    let ends = world.session(task, image, [&lives[0], &lives[1]]);
    assert_eq!((ends.client, ends.server_lived), (Some(Ok(())), true));
    lives.map(|life| i64::MAX - life.0.load(SeqCst))
}

/// So many deaths, each followed by sessions that use up what is left or add to it.
fn deaths(count: usize, seed: u64) {
    let mut rng = rng(seed);
    let mut image = vec![0; NETWORK.card().input.len()];
    rng.fill_bytes(&mut image);
    let tasks = [Task::Prepare(2), Task::Classify];
    let events = tasks.map(|task| events(task, &image));
    let world = World::new();
    let mut died = 0;
    while died < count {
        let waiting = world.waiting();
        let which = usize::from(waiting > 0 && (waiting >= ENOUGH || rng.random()));
        let victim = rng.random_range(0..2);
        let mut lives = [i64::MAX; 2];
        lives[victim] = rng.random_range(0..events[which][victim]);
        let [client, server] = lives.map(Life::of);
        let before = world.history.lock().unwrap().halves;
        let ends = world.session(tasks[which], &image, [&client, &server]);
        match &ends.client {
            None => died += 1,
            Some(_) if !ends.server_lived => died += 1,
            // A party whose time is over when all is said dies unnoticed.
            Some(Ok(())) => {}
            // Only a writing thread had died when the peer hung up.
            Some(Err(why)) => {
                assert!(why.contains("closed"), "{why}");
                died += 1;
            }
        }
        let after = world.waiting();
        assert!(after + 1 >= before, "a session used {before} - {after} bundles");
    }
    println!("{died} deaths");
    // What is left is as good as ever.
    for _ in 0..world.waiting() {
        let ends =
            world.session(Task::Classify, &image, [&Life::of(i64::MAX), &Life::of(i64::MAX)]);
        assert_eq!(ends.client, Some(Ok(())));
    }
    assert_eq!(world.waiting(), 0);
    // What dead clients never stored does not stay with the server; what does are partners of halves
    // that were spent when somebody died before the server heard of it.
    let (staying, history) = (world.table().count(None, now() + HOURS), world.history.lock());
    let (staying, history) = (staying.unwrap(), history.unwrap());
    println!("{staying} partners of spent halves");
    assert!(staying <= history.taken.len() - history.claimed.len());
}

/// Seconds after which a bundle is gone, unless its client is known to have its half.
const HOURS: i64 = 2 * 3600;

/// Seconds since 1970.
fn now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    now.as_secs() as i64
}

/// Halves whose client died count for an hour, those that it has for as long as they may.
#[test]
fn what_a_dead_client_has_prepared_does_not_last() {
    let image = vec![0; NETWORK.card().input.len()];
    let tasks = [(1, 0), (0, 2)];
    for (deaths, lasting) in tasks {
        let world = World::new();
        let client = match deaths {
            // Before the client stores the first of two.
            1 => Life::of(events(Task::Prepare(2), &image)[0] - 7),
            _ => Life::of(i64::MAX),
        };
        let ends = world.session(Task::Prepare(2), &image, [&client, &Life::of(i64::MAX)]);
        assert_eq!(ends.client.is_none(), deaths == 1, "{:?}", ends.client);
        let rows = [0, HOURS].map(|later| world.table().count(None, now() + later).unwrap());
        assert_eq!(rows, [2, lasting]);
    }
}

#[test]
fn nobody_uses_a_bundle_twice_whoever_dies() {
    let count = std::env::var("GAZELLE_DEATHS").ok().and_then(|text| text.parse().ok());
    deaths(count.unwrap_or(60), 1);
}
