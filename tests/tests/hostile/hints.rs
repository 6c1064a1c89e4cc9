//! Hints that are not the one announced, clients that ask for what they may not, and caches that forget
//! and spoil.

use std::sync::{Arc, LazyLock, Mutex};
use std::thread;

use gazelle_protocol::Error;
use gazelle_protocol::error::PeerFault;
use gazelle_protocol::he::hint::HintFault;
use gazelle_protocol::model::Activation;
use gazelle_protocol::party::Service;
use gazelle_protocol::session::{
    Client, HintCache, HintName, LinearChoice, Server, Settings, Statistics, Terms,
};
use gazelle_protocol::transport::pair;
use gazelle_protocol::wire::{FetchHint, Kind, Message, Payload};
use gazelle_tests::messages::{Recorded, Transcript, classify, record, serve};
use gazelle_tests::parties::tiny_network;
use gazelle_tests::rng;

const IMAGE: [u8; 36] = [200; 36];

/// Changes of a message's length.
const LENGTHS: [fn(&mut Vec<u8>); 3] =
    [|bytes| bytes.truncate(bytes.len() - 1), |bytes| bytes.push(0), Vec::clear];

fn settings() -> Settings {
    Settings { linear: LinearChoice::Hint, ..Settings::default() }
}

/// A service, and what an honest session with it says.
fn service(seed: u64) -> (Service, Transcript) {
    let network = tiny_network(Activation::Argmax);
    let service = Service::new(network, &settings(), &mut rng(seed)).unwrap();
    let (transcript, _) = record(&service, &IMAGE, 0);
    (service, transcript)
}

static HONEST: LazyLock<(Service, Transcript)> = LazyLock::new(|| service(1));

/// The fault that a client finds with a server that says something else of one kind.
fn fault(kind: Kind, change: impl Fn(&mut Vec<u8>)) -> PeerFault {
    let mut messages = HONEST.1.from_server.clone();
    let changed = messages.iter_mut().find(|message| message.kind == kind).unwrap();
    change(&mut changed.payload);
    match classify(&mut Recorded(messages.into()), &IMAGE) {
        Err(Error::Peer(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn hints_that_are_not_the_one_announced_are_refused() {
    let is_name = |fault| matches!(fault, PeerFault::Hint(HintFault::Name { .. }));
    assert!(is_name(fault(Kind::PublishedHint, |name| name[31] ^= 1)));
    for place in [48, 63, 64, 5000] {
        assert!(is_name(fault(Kind::HintPart, |hint| hint[place] ^= 0x10)));
    }
    let (_, other) = service(2);
    let other = other.from_server.iter().find(|m| m.kind == Kind::HintPart).unwrap();
    assert!(is_name(fault(Kind::HintPart, |hint| hint.clone_from(&other.payload))));
    assert_eq!(fault(Kind::HintPart, |hint| hint[0] ^= 1), PeerFault::Hint(HintFault::Magic));
    assert_eq!(fault(Kind::HintPart, |hint| hint[16] ^= 1), PeerFault::Hint(HintFault::Plan));
    for change in LENGTHS {
        assert!(matches!(fault(Kind::HintPart, change), PeerFault::Length { .. }));
    }
}

/// What a server says to a client whose messages are changed.
fn refusal(service: &Service, change: impl Fn(&mut Vec<Message>)) -> PeerFault {
    let mut messages = HONEST.1.from_client.clone();
    change(&mut messages);
    match serve(service, &mut Recorded(messages.into())) {
        Err(Error::Peer(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_hint_is_sent_once_and_where_there_is_one() {
    let place = |messages: &[Message]| {
        messages.iter().position(|message| message.kind == Kind::FetchHint).unwrap()
    };
    let twice = |messages: &mut Vec<Message>| {
        messages.insert(place(messages), FetchHint.into_message());
    };
    assert_eq!(refusal(&HONEST.0, twice), PeerFault::NoHint);

    let network = tiny_network(Activation::Argmax);
    let none = Service::new(network, &Settings::default(), &mut rng(0)).unwrap();
    let (mut transcript, _) = record(&none, &IMAGE, 0);
    transcript.from_client.insert(3, FetchHint.into_message());
    let refused = serve(&none, &mut Recorded(transcript.from_client.into()));
    assert!(matches!(refused, Err(Error::Peer(PeerFault::NoHint))), "{refused:?}");
}

#[test]
fn uploads_of_another_length_are_refused() {
    for change in LENGTHS {
        let changed = |messages: &mut Vec<Message>| {
            let query = messages.iter_mut().find(|message| message.kind == Kind::Query).unwrap();
            change(&mut query.payload);
        };
        assert!(matches!(refusal(&HONEST.0, changed), PeerFault::Length { .. }));
    }
}

/// A cache of one place, and how often it was asked.
#[derive(Clone, Default)]
struct Cache(Arc<Mutex<(Option<Vec<u8>>, u32)>>);

impl HintCache for Cache {
    fn get(&mut self, _: &HintName) -> Option<Vec<u8>> {
        let mut cache = self.0.lock().unwrap();
        cache.1 += 1;
        cache.0.clone()
    }

    fn put(&mut self, _: &HintName, bytes: &[u8]) {
        self.0.lock().unwrap().0 = Some(bytes.to_vec());
    }
}

/// A session with a cache that prepares twice and classifies.
fn session(server: &Server, cache: &Cache) -> Statistics {
    let (near, far) = pair(None);
    thread::scope(|scope| {
        scope.spawn(|| server.serve(far).unwrap());
        let mut client = Client::connect(near, &Terms::NONE).unwrap().with_hints(cache.clone());
        client.offline(1, |_, _| ()).unwrap();
        let bundle = client.offline(1, |_, _| ()).unwrap().remove(0);
        let outcome = client.classify(bundle, &IMAGE).unwrap();
        let trace = tiny_network(Activation::Argmax).forward(&IMAGE).unwrap();
        assert_eq!(outcome.numbers(), trace.result);
        let statistics = client.statistics();
        client.close().unwrap();
        statistics
    })
}

#[test]
fn a_kept_hint_is_not_fetched_and_a_spoilt_one_is() {
    let server = Server::new(tiny_network(Activation::Argmax), &settings()).unwrap();
    let plan = server.plan();
    let without = plan.setup().received;
    let with = without + plan.hint_fetch().received;
    let cache = Cache::default();
    assert_eq!(session(&server, &cache).setup.bytes_down, with);
    assert_eq!(session(&server, &cache).setup.bytes_down, without);
    for spoilt in [vec![], vec![0; 100]] {
        cache.0.lock().unwrap().0 = Some(spoilt);
        assert_eq!(session(&server, &cache).setup.bytes_down, with);
    }
    // A server that starts anew has a new hint.
    let anew = Server::new(tiny_network(Activation::Argmax), &settings()).unwrap();
    assert_ne!(server.service().hint().unwrap().name(), anew.service().hint().unwrap().name());
    assert_eq!(session(&anew, &cache).setup.bytes_down, with);
    assert_eq!(session(&anew, &cache).setup.bytes_down, without);
    assert_eq!(cache.0.lock().unwrap().1, 6, "once in a session");
}
