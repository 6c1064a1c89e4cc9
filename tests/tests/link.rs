//! The simulated link: phases take as long as their bytes and round trips.

use std::time::Duration;

use gazelle_import::zoo;
use gazelle_protocol::Link;
use gazelle_protocol::session::{Phase, Server, Settings};
use gazelle_tests::parties::{Conditions, classify};

/// Sessions of which one at least must take no longer than its link does: the machine may have other work.
const TRIES: usize = 20;

/// The least seconds that a phase takes on a link, and the most.
fn bounds(phase: &Phase, link: Link) -> [f64; 2] {
    let up = link.upward().transfer(phase.bytes_up as usize).as_secs_f64();
    let down = link.downward().transfer(phase.bytes_down as usize).as_secs_f64();
    let latency = phase.rounds as f64 * link.round_trip.as_secs_f64();
    // Both directions may be busy at once, or one after the other.
    [up.max(down) + latency - 1e-3, up + down + latency + 0.25]
}

#[test]
fn phases_take_their_bytes_and_round_trips() {
    let network = zoo::network("c").expect("a benchmark network");
    let image = vec![100; network.card().input.len()];
    // So slow that computing is of no weight.
    let link = Link { up: 20_000_000, down: 60_000_000, round_trip: Duration::from_millis(60) };
    let settings = Settings::for_link(link);
    let server = Server::new(network, &settings).unwrap();
    let conditions = Conditions { link: Some(link), ..Conditions::default() };
    let in_time = (0..TRIES).any(|_| {
        let statistics = classify(&server, &image, conditions).statistics;
        assert_eq!((statistics.offline.rounds, statistics.online.rounds), (3, 3));
        [statistics.offline, statistics.online].iter().all(|phase| {
            let [least, most] = bounds(phase, link);
            assert!(phase.seconds > least, "{phase:?}");
            phase.seconds < most
        })
    });
    assert!(in_time, "all of {TRIES} sessions took longer than their link");
}
