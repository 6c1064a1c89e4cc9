//! Tables that several processes share: rows are claimed once, and quotas hold for all together.

use std::collections::HashSet;
use std::sync::Barrier;
use std::thread;

use super::*;

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
    let quota = |day, total| Quota { day, total, bytes: None };
    let used = |inferences| Amount { inferences, bytes: 0 };
    let charge = |day, quota, count| open().charge("alice", day, quota, used(count)).unwrap();
    let few = quota(Some(2), Some(3));
    assert_eq!(charge(7, few, 1), Charge::Granted);
    assert_eq!(charge(7, few, 1), Charge::Granted);
    assert_eq!(charge(7, few, 1), Charge::DayOver { left: 0 });
    assert_eq!(charge(7, few, 0), Charge::DayOver { left: 0 });
    assert_eq!(charge(8, few, 0), Charge::Granted);
    // Several are granted together or not at all.
    assert_eq!(charge(8, few, 2), Charge::AllUsed { left: 1 });
    assert_eq!(charge(8, quota(Some(2), None), 3), Charge::DayOver { left: 2 });
    assert_eq!(charge(8, few, 1), Charge::Granted);
    assert_eq!(charge(9, few, 1), Charge::AllUsed { left: 0 });
    assert_eq!(charge(9, quota(None, Some(4)), 1), Charge::Granted);
    assert_eq!(charge(9, quota(None, None), 1), Charge::Granted);
    assert_eq!(open().charge("bob", 7, few, used(1)).unwrap(), Charge::Granted);
    // Whoever asks at the same time gets no more than there is.
    let granted = thread::scope(|scope| {
        let ask = || open().charge("carol", 1, quota(Some(5), None), used(1)).unwrap();
        let threads: Vec<_> = (0..12).map(|_| scope.spawn(ask)).collect();
        let charges = threads.into_iter().map(|thread| thread.join().unwrap());
        charges.filter(|charge| *charge == Charge::Granted).count()
    });
    assert_eq!(granted, 5);
    // Bytes fit as a whole or not at all, and what was refused is not counted.
    let bytes = |day, bytes| {
        let (quota, amount) =
            (Quota { bytes: Some(100), ..Quota::default() }, Amount { bytes, ..Amount::default() });
        open().charge("dave", day, quota, amount).unwrap()
    };
    assert_eq!([40, 61, 60, 1, 0].map(|count| bytes(1, count)), {
        use Charge::{BytesOver, Granted};
        [Granted, BytesOver, Granted, BytesOver, Granted]
    });
    assert_eq!(bytes(2, 100), Charge::Granted);
    let usage = open().usage(2).unwrap();
    let of = |name: &str| usage.iter().find(|usage| usage.owner == name).unwrap();
    assert_eq!((of("dave").bytes, of("dave").total, of("alice").total), (100, 0, 5));
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
