//! The simulated link: phases take as long as their bytes and round trips.

use std::time::Duration;

use gazelle_import::zoo;
use gazelle_protocol::session::{Phase, Server, Settings};
use gazelle_protocol::{Link, Way};
use gazelle_tests::parties::{Conditions, classify};

#[test]
fn phases_take_their_bytes_and_round_trips() {
    let network = zoo::network("c").expect("a benchmark network");
    let image = vec![100; network.card().input.len()];
    // So slow that computing is of no weight.
    let round_trip = Duration::from_millis(60);
    let link = Link { up: 20_000_000, down: 60_000_000, round_trip };
    let settings = Settings::for_link(link);
    let server = Server::new(network, &settings).unwrap();
    let conditions = Conditions { link: Some(link), ..Conditions::default() };
    let statistics = classify(&server, &image, conditions).statistics;
    for phase in [statistics.offline, statistics.online] {
        let Phase { seconds, bytes_up, bytes_down, rounds } = phase;
        let transfer = |way: Way, bytes: u64| way.transfer(bytes as usize).as_secs_f64();
        let up = transfer(link.upward(), bytes_up);
        let down = transfer(link.downward(), bytes_down);
        let latency = rounds as f64 * link.round_trip.as_secs_f64();
        // Both directions may be busy at once, or one after the other.
        assert!(seconds > up.max(down) + latency - 1e-3, "{phase:?}");
        assert!(seconds < up + down + latency + 0.25, "{phase:?}");
    }
    assert_eq!((statistics.offline.rounds, statistics.online.rounds), (3, 3));
}
