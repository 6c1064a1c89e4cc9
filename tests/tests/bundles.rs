//! Stored bundles: made in one session, used in another, and never twice.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::thread;

use gazelle_protocol::Error;
use gazelle_protocol::bundle::{BundleFault, BundleName, BundleStore, ClientBundle, ServerBundle};
use gazelle_protocol::error::{Misuse, PeerFault};
use gazelle_protocol::model::{Activation, Network};
use gazelle_protocol::party::{Service, Shares};
use gazelle_protocol::session::{Client, Outcome, Server, Settings, Terms, hazmat};
use gazelle_protocol::transport;
use gazelle_tests::parties::tiny_network;
use gazelle_tests::random;
use proptest::prelude::*;
use tempfile::TempDir;

/// Bundles of one party in a folder, a file each.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn put(&self, name: BundleName, bytes: &[u8]) -> io::Result<()> {
        fs::write(self.0.path().join(name.to_string()), bytes)
    }

    /// The bundle's bytes, once: they are gone from the disk before anyone has them.
    fn take(&self, name: &BundleName) -> io::Result<Option<Vec<u8>>> {
        let file = self.0.path().join(name.to_string());
        let bytes = match fs::read(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            bytes => bytes?,
        };
        fs::remove_file(&file)?;
        sync(self.0.path())?;
        Ok(Some(bytes))
    }

    fn len(&self) -> usize {
        fs::read_dir(self.0.path()).unwrap().count()
    }
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// A server's bundles in a folder.
struct Stored<'a> {
    service: &'a Service,
    folder: &'a Folder,
}

impl BundleStore for Stored<'_> {
    fn len(&self) -> usize {
        self.folder.len()
    }

    fn put(&mut self, bundle: ServerBundle) -> io::Result<()> {
        let name = bundle.name();
        self.folder.put(name, &bundle.into_bytes(self.service.plan()))
    }

    fn take(&mut self, name: &BundleName) -> io::Result<Option<ServerBundle>> {
        let Some(bytes) = self.folder.take(name)? else { return Ok(None) };
        let bundle = self.service.bundle_from_bytes(&bytes);
        bundle.map(Some).map_err(|fault| io::Error::new(io::ErrorKind::InvalidData, fault))
    }
}

/// One session of a freshly started server and a freshly started client, which does `act`; how the
/// server ended.
fn session<T>(
    network: Network,
    folder: &Folder,
    act: impl FnOnce(&mut Client) -> T,
) -> (T, Result<u64, Error>) {
    let server = Server::new(network, &Settings::default()).unwrap();
    let (near, far) = transport::pair(None);
    thread::scope(|scope| {
        let served = scope.spawn(|| {
            let mut store = Stored { service: server.service(), folder };
            server.serve_from(far, &mut store).map(|served| served.inferences)
        });
        let mut client = Client::connect(near, &Terms::default()).unwrap();
        let result = act(&mut client);
        // It may have failed, on purpose.
        let _ = client.close();
        (result, served.join().unwrap())
    })
}

/// Prepares bundles for the tiny network and stores both halves.
fn prepare(count: usize, folders: [&Folder; 2]) -> Vec<BundleName> {
    prepare_for(tiny_network(Activation::Logits), count, folders)
}

fn prepare_for(network: Network, count: usize, [ours, theirs]: [&Folder; 2]) -> Vec<BundleName> {
    let (names, served) = session(network, theirs, |client| {
        let bundles = client.offline(count, |_, _| ()).unwrap();
        let store = |bundle: ClientBundle| {
            let name = bundle.name();
            ours.put(name, &bundle.into_bytes(client.plan())).unwrap();
            name
        };
        bundles.into_iter().map(store).collect()
    });
    assert_eq!(served.unwrap(), 0);
    names
}

/// Classifies an image with a bundle from its bytes.
fn spend(client: &mut Client, bytes: &[u8], image: &[u8]) -> Result<Outcome, Error> {
    let bundle = ClientBundle::from_bytes(client.plan(), bytes)?;
    client.classify(bundle, image)
}

#[test]
fn a_bundle_outlives_its_session_and_both_programs() {
    let (ours, theirs) = (Folder::new(), Folder::new());
    let network = tiny_network(Activation::Logits);
    let mut names = prepare(2, [&ours, &theirs]);
    names.extend(prepare(1, [&ours, &theirs]));
    assert_eq!((ours.len(), theirs.len()), (3, 3));
    // In another order, between bundles of the session itself.
    let image: Vec<u8> = (0..network.card().input.len()).map(|i| (37 * i) as u8).collect();
    let (outcomes, served) = session(network.clone(), &theirs, |client| {
        let mut spend_named = |name| {
            let bytes = ours.take(name).unwrap().unwrap();
            spend(client, &bytes, &image).unwrap()
        };
        let mut outcomes = vec![spend_named(&names[1]), spend_named(&names[2])];
        let fresh = client.offline(1, |_, _| ()).unwrap().remove(0);
        outcomes.push(client.classify(fresh, &image).unwrap());
        let bytes = ours.take(&names[0]).unwrap().unwrap();
        outcomes.push(spend(client, &bytes, &image).unwrap());
        outcomes
    });
    assert_eq!(served.unwrap(), 4);
    let trace = network.forward(&image).unwrap();
    let expected = Outcome::Values(trace.logits().to_vec());
    assert!(outcomes.iter().all(|outcome| *outcome == expected), "{outcomes:?}");
    assert_eq!((ours.len(), theirs.len()), (0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Of any graph, with shares and results in any order and any head.
    #[test]
    fn bundles_of_graphs_outlive_their_session(recipe in random::graphs()) {
        let (network, image) = recipe.build();
        let (ours, theirs) = (Folder::new(), Folder::new());
        let names = prepare_for(network.clone(), 1, [&ours, &theirs]);
        let bytes = ours.take(&names[0]).unwrap().unwrap();
        let plain = network.forward(&image).unwrap().result;
        let (outcome, served) =
            session(network, &theirs, |client| spend(client, &bytes, &image).unwrap());
        prop_assert_eq!(served.unwrap(), 1);
        prop_assert_eq!(outcome.numbers(), plain);
    }
}

/// A client whose folder came back, as from a backup: the server has struck the bundle out.
#[test]
fn neither_party_uses_a_bundle_twice() {
    let (ours, theirs) = (Folder::new(), Folder::new());
    let network = tiny_network(Activation::Logits);
    let names = prepare(1, [&ours, &theirs]);
    let image = vec![9; network.card().input.len()];
    let bytes = ours.take(&names[0]).unwrap().unwrap();
    assert!(ours.take(&names[0]).unwrap().is_none(), "the client has none left");
    let use_it = |client: &mut Client| spend(client, &bytes, &image);
    let (first, served) = session(network.clone(), &theirs, use_it);
    assert!(first.is_ok() && served.is_ok());
    let (second, served) = session(network, &theirs, |client| {
        let second = use_it(client);
        let misuse = client.offline(1, |_, _| ()).err();
        assert!(matches!(misuse, Some(Error::Misuse(Misuse::SessionEnded))), "{misuse:?}");
        second
    });
    assert!(second.unwrap_err().to_string().contains("does not exist or is spent"));
    let fault = served.unwrap_err();
    assert!(matches!(fault, Error::Peer(PeerFault::Bundle(name)) if name == names[0]), "{fault}");
}

/// Whoever ends between striking a bundle out and the first byte of its online phase loses it.
#[test]
fn a_program_that_ends_in_between_loses_the_bundle() {
    let (ours, theirs) = (Folder::new(), Folder::new());
    let network = tiny_network(Activation::Logits);
    let names = prepare(2, [&ours, &theirs]);
    // The client: nothing was sent, and nothing will be.
    drop(ours.take(&names[0]).unwrap());
    assert!(ours.take(&names[0]).unwrap().is_none());
    // The server: whatever a client asks for afterwards, there is no such bundle.
    drop(theirs.take(&names[1]).unwrap());
    let bytes = ours.take(&names[1]).unwrap().unwrap();
    let image = vec![9; network.card().input.len()];
    let (result, served) = session(network, &theirs, |client| spend(client, &bytes, &image));
    assert!(result.is_err());
    assert!(matches!(served, Err(Error::Peer(PeerFault::Bundle(name))) if name == names[1]));
}

#[test]
fn a_bundle_is_good_for_its_network_alone() {
    let (ours, theirs) = (Folder::new(), Folder::new());
    let network = tiny_network(Activation::Logits);
    let names = prepare(1, [&ours, &theirs]);
    let [client_bytes, server_bytes] =
        [&ours, &theirs].map(|folder| folder.take(&names[0]).unwrap().unwrap());
    // Other weights: the client cannot know, the server does.
    let mut blocks = network.blocks().to_vec();
    blocks[0].weights[0] += 1;
    let other = Network::try_new(network.card().clone(), blocks).unwrap();
    let settings = Settings::default();
    let retrained = Server::new(other, &settings).unwrap();
    let refusal = retrained.service().bundle_from_bytes(&server_bytes).err();
    assert_eq!(refusal, Some(BundleFault::OtherNetwork));
    assert!(ClientBundle::from_bytes(retrained.plan(), &client_bytes).is_ok());
    // Another card: both know.
    let argmax = Server::new(tiny_network(Activation::Argmax), &settings).unwrap();
    let refusal = ClientBundle::from_bytes(argmax.plan(), &client_bytes).err();
    assert_eq!(refusal, Some(BundleFault::OtherNetwork));
    // A bundle in memory, in a session about another network.
    let server = Server::new(network, &settings).unwrap();
    let bundle = ClientBundle::from_bytes(server.plan(), &client_bytes).unwrap();
    let network = tiny_network(Activation::Argmax);
    let image = vec![0; network.card().input.len()];
    let (result, _) = session(network, &theirs, |client| client.classify(bundle, &image));
    assert!(matches!(result, Err(Error::Misuse(Misuse::OtherNetwork))), "{result:?}");
}

/// Why bytes are refused.
type Refusal<'a> = &'a dyn Fn(&[u8]) -> Option<BundleFault>;

#[test]
fn bytes_that_are_no_bundle_are_refused() {
    let (ours, theirs) = (Folder::new(), Folder::new());
    let names = prepare(1, [&ours, &theirs]);
    let server = Server::new(tiny_network(Activation::Logits), &Settings::default()).unwrap();
    let client = |bytes: &[u8]| ClientBundle::from_bytes(server.plan(), bytes).err();
    let service = |bytes: &[u8]| server.service().bundle_from_bytes(bytes).err();
    let refusals: [Refusal<'_>; 2] = [&client, &service];
    let lengths =
        [ClientBundle::encoded_len(server.plan()), ServerBundle::encoded_len(server.plan())];
    let halves = [&ours, &theirs].map(|folder| folder.take(&names[0]).unwrap().unwrap());
    for ((refusal, good), expected) in refusals.iter().zip(&halves).zip(lengths) {
        assert_eq!((refusal(good), good.len()), (None, expected));
        assert_eq!(refusal(&good[..56]), Some(BundleFault::NotABundle));
        let version = BundleFault::Version { got: 2, expected: 3 };
        for (at, fault) in
            [(0, BundleFault::NotABundle), (8, version), (9, BundleFault::OtherNetwork)]
        {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert_eq!(refusal(&bad), Some(fault));
        }
        let [short, long] = [&good[..good.len() - 1], &[good, &[0][..]].concat()].map(refusal);
        let got = |got| Some(BundleFault::Length { got, expected });
        assert_eq!((short, long), (got(expected - 1), got(expected + 1)));
    }
    let [ours, theirs] = &halves;
    assert_eq!(client(theirs), Some(BundleFault::NotABundle));
    assert_eq!(service(ours), Some(BundleFault::NotABundle));
    // Δ is odd.
    let mut even = theirs.clone();
    even[57 + 16] ^= 1;
    assert_eq!(service(&even), Some(BundleFault::Damaged));
}

/// Nothing but the bundles survives, and their shares only in memory.
#[test]
fn a_stored_bundle_tells_its_masks_alone() {
    let (ours, theirs) = (Folder::new(), Folder::new());
    let (shares, _) = session(tiny_network(Activation::Argmax), &theirs, |client| {
        hazmat::keep_shares(client);
        let bundle = client.offline(1, |_, _| ()).unwrap().remove(0);
        let before = hazmat::shares(&bundle);
        let name = bundle.name();
        ours.put(name, &bundle.into_bytes(client.plan())).unwrap();
        let bytes = ours.take(&name).unwrap().unwrap();
        let after = ClientBundle::from_bytes(client.plan(), &bytes).unwrap();
        let none = hazmat::shares(&after);
        assert!(after.into_bytes(client.plan())[..] == bytes[..], "the masks are kept");
        [before, none]
    });
    let [Shares { tensors, .. }, Shares { tensors: none, .. }] = &shares;
    assert!(!tensors.is_empty() && none.is_empty());
}
