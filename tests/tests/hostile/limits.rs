//! What a session may cost each party, in time and in memory, and what ends with it.

use std::thread;

use gazelle_protocol::Error;
use gazelle_protocol::error::{Limit, Misuse, PeerFault};
use gazelle_protocol::plan::LinearPlan;
use gazelle_protocol::session::{Capacity, Client, Server, Settings, Terms};
use gazelle_protocol::transport::{self, Patience, TransportFault};
use gazelle_tests::parties::{listen, small_network};

use super::{PATIENT, SERVICE, TIMEOUT, connect, serve, soon, transport_fault};

/// Two sessions at a time, each with a server of its own.
fn sessions<T>(servers: [&Server; 2], run: impl FnOnce([Client; 2]) -> T) -> T {
    let (listener, address) = listen();
    thread::scope(|scope| {
        scope.spawn(|| {
            for server in servers {
                let (stream, _) = listener.accept().unwrap();
                let channel = transport::accept(stream, PATIENT, None).unwrap();
                scope.spawn(move || server.serve(channel).map(drop));
            }
        });
        run([(); 2].map(|()| connect(&address, PATIENT).unwrap()))
    })
}

/// A card that changes between sessions: what was prepared for the one is of no use in the other.
#[test]
fn a_bundle_stays_with_its_network() {
    let other = Server::new(small_network(4), &Settings::default()).unwrap();
    sessions([&SERVICE, &other], |[mut first, mut second]| {
        assert_ne!(first.plan().card().classes, second.plan().card().classes);
        let bundle = first.offline(1, |_, _| ()).unwrap().remove(0);
        let misuse = second.classify(bundle, &[0; 16]).unwrap_err();
        assert!(matches!(misuse, Error::Misuse(Misuse::OtherNetwork)), "{misuse}");
        // Both go on.
        for client in [&mut first, &mut second] {
            let bundle = client.offline(1, |_, _| ()).unwrap().remove(0);
            client.classify(bundle, &[0; 16]).unwrap();
        }
    });
}

/// Clients may prepare early: what they have prepared waits for longer than a phase may.
#[test]
fn prepared_inferences_may_wait() {
    let (listener, address) = listen();
    // Time enough for an honest client in a phase.
    let patience = Patience { phase: 5 * TIMEOUT, ..PATIENT };
    let served = thread::spawn(move || soon(|| serve(&listener, patience)));
    let mut client = connect(&address, PATIENT).unwrap();
    let bundle = client.offline(1, |_, _| ()).unwrap().remove(0);
    thread::sleep(6 * TIMEOUT);
    client.classify(bundle, &[0; 16]).unwrap();
    // Who has nothing prepared any more waits no longer than in a phase.
    let end = served.join().unwrap();
    assert!(matches!(transport_fault(&end), Some(TransportFault::TimedOut)), "{end:?}");
    let error = client.offline(1, |_, _| ()).err().unwrap();
    assert!(matches!(error, Error::Transport(TransportFault::Closed)), "{error}");
}

#[test]
fn a_session_has_an_end() {
    let (listener, address) = listen();
    let patience = Patience { session: 5 * TIMEOUT, ..PATIENT };
    let served = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        SERVICE.serve(transport::accept(stream, patience, None)?).map(drop)
    });
    let mut client = connect(&address, PATIENT).unwrap();
    let ended = soon(|| {
        (0..1000).find_map(|_| {
            thread::sleep(TIMEOUT / 20);
            let prepared = client.offline(1, |_, _| ());
            let used = prepared.and_then(|mut one| client.classify(one.remove(0), &[0; 16]));
            used.err()
        })
    });
    assert!(matches!(ended, Some(Error::Transport(TransportFault::Closed))), "{ended:?}");
    let end = served.join().unwrap();
    assert!(matches!(transport_fault(&end), Some(TransportFault::TimedOut)), "{end:?}");
}

/// A client that has failed does nothing any more.
#[test]
fn a_failed_session_is_over() {
    let (listener, address) = listen();
    let patience = Patience { idle: TIMEOUT, ..PATIENT };
    let served = thread::spawn(move || soon(|| serve(&listener, patience)));
    let mut client = connect(&address, PATIENT).unwrap();
    let bundle = client.offline(1, |_, _| ()).unwrap().remove(0);
    // The server gives the session up meanwhile.
    assert!(served.join().unwrap().is_err());
    let fault = client.classify(bundle, &[0; 16]).unwrap_err();
    assert!(matches!(fault, Error::Transport(TransportFault::Closed)), "{fault}");
    let over = client.offline(1, |_, _| ()).err().unwrap();
    assert!(matches!(over, Error::Misuse(Misuse::SessionEnded)), "{over}");
    let over = client.close().unwrap_err();
    assert!(matches!(over, Error::Misuse(Misuse::SessionEnded)), "{over}");
}

/// A server holds no more than it may, and says so to the client that asks for more.
#[test]
fn a_server_that_is_full() {
    let full = |capacity: Capacity, before: usize, words: &str| {
        let server = Server::new(small_network(3), &Settings::default()).unwrap();
        let server = server.with_capacity(capacity);
        sessions([&server, &server], |[mut first, mut second]| {
            let prepared = (before > 0).then(|| first.offline(before, |_, _| ()).unwrap());
            let refused = second.offline(40, |_, _| ()).err().unwrap();
            assert!(matches!(&refused, Error::Refused(why) if why.contains(words)), "{refused}");
            // The other client goes on.
            for bundle in prepared.into_iter().flatten() {
                first.classify(bundle, &[0; 16]).unwrap();
            }
            first.offline(1, |_, _| ()).unwrap();
        });
    };
    // A query takes three times its bytes, an inference that waits some 300 bytes.
    let queries = SERVICE
        .plan()
        .linear()
        .iter()
        .filter_map(LinearPlan::coefficient)
        .map(|plan| 3 * plan.cost().query_bytes as u64);
    let query = queries.max().unwrap();
    full(Capacity { client: 4_000, total: u64::MAX }, 0, "for one client");
    full(Capacity { client: u64::MAX, total: query + 1_000 }, 0, "no memory left");
    full(Capacity { client: query, total: 15_000 + query }, 40, "no memory left");
}

/// A client accepts no more than its terms say, before it has sent anything but its greeting.
#[test]
fn a_model_that_costs_too_much() {
    let refused = |terms: Terms| {
        let (listener, address) = listen();
        let served = thread::spawn(move || soon(|| serve(&listener, PATIENT)));
        let channel = transport::connect(&address, PATIENT, None).unwrap();
        let error = Client::connect(channel, &terms).err().expect("the terms are not met");
        let end = served.join().unwrap();
        assert!(matches!(transport_fault(&end), Some(TransportFault::Closed)), "{end:?}");
        error
    };
    let (terms, plan) = (Terms::default(), SERVICE.plan());
    let error = refused(Terms { memory: plan.client_memory(1) - 1, ..terms });
    assert!(matches!(error, Error::Limit(Limit::Memory { count: 1, .. })), "{error}");
    let download = plan.offline(1).received + plan.online().received - 1;
    let error = refused(Terms { download, ..terms });
    assert!(matches!(error, Error::Limit(Limit::Download { .. })), "{error}");
    let other = small_network(4).card().hash().unwrap();
    let error = refused(Terms { card: Some(other), ..terms });
    let ours = small_network(3).card().hash().unwrap();
    let fault = PeerFault::OtherCard { expected: other, got: ours };
    assert!(matches!(&error, Error::Peer(got) if *got == fault), "{error}");
}

/// The memory of a batch is checked when it is asked for, and the session goes on.
#[test]
fn a_batch_that_costs_too_much() {
    let (listener, address) = listen();
    let served = thread::spawn(move || soon(|| serve(&listener, PATIENT)));
    let terms = Terms { memory: SERVICE.plan().client_memory(59), ..Terms::default() };
    let channel = transport::connect(&address, PATIENT, None).unwrap();
    let mut client = Client::connect(channel, &terms).unwrap();
    let error = client.offline(60, |_, _| ()).err().unwrap();
    assert!(matches!(error, Error::Limit(Limit::Memory { count: 60, .. })), "{error}");
    let bundle = client.offline(1, |_, _| ()).unwrap().remove(0);
    client.classify(bundle, &[0; 16]).unwrap();
    client.close().unwrap();
    served.join().unwrap().unwrap();
}
