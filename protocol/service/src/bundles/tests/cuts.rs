//! Sessions that are cut anywhere.

use std::io::{self, Read};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use gazelle_protocol::Error as ProtocolError;
use gazelle_protocol::bundle::BundleStore;
use gazelle_protocol::model::Activation;
use gazelle_protocol::session::{self, Server, Settings, Terms};
use gazelle_protocol::transport;
use gazelle_tests::parties::tiny_network;

use super::*;

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
        let patience = Duration::from_secs(120);
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
