//! A service under mixed load: clients that come and go and are killed, replicas that are killed,
//! connections that tear, and hostile bytes. `tests/soak.sh SECONDS` runs it.
//!
//! - `world`: the database and what happens in it, credentials, the balancer;
//! - `replicas`: three servers, their deaths, and their memory;
//! - `clients`: twenty clients, and what becomes of each of their runs;
//! - `hostile`: a relay that tears connections, and peers that speak no Gazelle.
//!
//! It fails if a process panics or hangs, a client that nothing disturbed fails, a client fails
//! without saying why, a class is wrong, a bundle is used twice, or memory grows.

#![forbid(unsafe_code)]

mod clients;
mod hostile;
mod replicas;
mod world;

use clients::Tally;
use replicas::Replicas;
use std::{
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};
use world::World;

/// Clients with certificates.
const CLIENTS: usize = 20;

/// Hostile peers at a time.
const HOSTILE: u64 = 4;

/// How long sessions may take to end when nobody is there any more.
const DRAIN: Duration = Duration::from_secs(40);

/// Ends the load if a thread that has it finds a fault.
struct EndOnPanic<'a>(&'a AtomicBool);

impl Drop for EndOnPanic<'_> {
    fn drop(&mut self) {
        self.0.fetch_or(thread::panicking(), SeqCst);
    }
}

fn main() {
    let Ok(database) = std::env::var("GAZELLE_POSTGRES") else {
        return eprintln!("skipped: GAZELLE_POSTGRES names no database; run tests/soak.sh");
    };
    let seconds = std::env::var("GAZELLE_SOAK_SECONDS").ok().and_then(|text| text.parse().ok());
    let time = Duration::from_secs(seconds.unwrap_or(60));
    let world = World::new(&database);
    let replicas = Replicas::start(&world);
    world.watch_bundles();
    let balancer = world.start_balancer(&replicas);
    let ending = AtomicBool::new(false);
    let start = Instant::now();
    let tally = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| clients::Client::new(&world, &replicas, number))
            .map(|client| {
                scope.spawn(|| {
                    let _end = EndOnPanic(&ending);
                    client.run(&ending)
                })
            })
            .collect();
        (0..HOSTILE).for_each(|seed| {
            let (world, ending) = (&world, &ending);
            scope.spawn(move || hostile::disturb(world, seed, ending));
        });
        let chaos = scope.spawn(|| replicas.disturb(time, &ending));
        let _end = EndOnPanic(&ending);
        replicas.watch(time, &|| ending.load(SeqCst));
        ending.store(true, SeqCst);
        chaos.join().expect("killing replicas goes well");
        let tallies =
            clients.into_iter().map(|client| client.join().expect("no client finds a fault"));
        tallies.fold(Tally::default(), Tally::plus)
    });
    println!("{:.0} s of load; {tally}", start.elapsed().as_secs_f64());
    replicas.drain(DRAIN);
    world.assert_bundles(&tally);
    drop(balancer);
    replicas.end();
    assert!(tally.right > 0, "no image was classified");
    println!("passed");
}
