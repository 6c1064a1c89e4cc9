//! Bundles on both sides' disks, used in sessions of a real network.
//!
//! - `sessions`: prepared in one session, used in others; quotas;
//! - `cuts`: connections that end anywhere;
//! - `tables`: what servers share, in SQLite and PostgreSQL.

mod cuts;
mod sessions;
mod tables;

use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use gazelle_protocol::Error as ProtocolError;
use gazelle_protocol::model::Network;
use gazelle_protocol::session::{self, Server, Settings, Terms};
use gazelle_protocol::transport::{self, Channel};
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
