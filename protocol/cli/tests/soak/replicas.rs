//! Three servers over one database. One of the first two is killed now and then; the third lives as
//! long as the load, reads its configuration again now and then, and shows whether memory grows.

use crate::world::{Killed, World, free_port, gazelle, listens, timeout, wait_for};
use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Write},
    net::TcpStream,
    ops::RangeInclusive,
    path::PathBuf,
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

const REPLICAS: usize = 3;

/// The one that lives.
const LASTING: usize = 2;

/// How often a replica is killed, or four times in a shorter load.
const KILL: Duration = Duration::from_secs(60);

/// How long a replica stays away.
const AWAY: Duration = Duration::from_secs(1);

/// How often it is started at most.
const TRIES: u32 = 20;

/// From the restart until the balancer knows.
const NOTICE: Duration = Duration::from_secs(2);

/// If a second takes so long, the machine slept.
const SLEPT: Duration = Duration::from_secs(4);

/// The most memory of a replica, in MiB.
const MOST_MEMORY: u64 = 400;

/// What memory may grow by in the last third of a load of three minutes and more, in MiB.
const GROWTH: u64 = 24;

pub(crate) struct Replica {
    pub(crate) number: usize,
    pub(crate) address: String,
    /// The port of its metrics.
    pub(crate) admin: u16,
    /// The arguments that it was started with.
    arguments: Vec<String>,
    log: PathBuf,
    process: Mutex<Killed>,
}

impl Replica {
    fn new(world: &World, number: usize) -> Self {
        let (address, admin) = (format!("127.0.0.1:{}", free_port()), free_port());
        let [tls, key, log] = [world.keys("server"), world.path("store.key"), world.path("log")];
        let pairs = [
            ("--listen", address.clone()),
            ("--admin", format!("127.0.0.1:{admin}")),
            ("--network", "fashion-mnist".into()),
            ("--tls", tls.display().to_string()),
            ("--store", world.database.clone()),
            ("--store-key", key.display().to_string()),
            ("--max-clients", "100".into()),
            ("--max-bundles", "100000".into()),
            ("--timeout", timeout().to_string()),
            ("--setup-timeout", timeout().to_string()),
        ];
        let pairs = pairs.into_iter().flat_map(|(flag, value)| [flag.into(), value]);
        let arguments: Vec<_> = ["serve".into()].into_iter().chain(pairs).collect();
        let log = log.with_extension(number.to_string());
        let process = Mutex::new(start(&arguments, &log));
        let replica = Self { number, address, admin, arguments, log, process };
        wait_for(&replica.address);
        replica
    }

    fn id(&self) -> u32 {
        self.process.lock().expect("no holder panics").0.id()
    }

    fn signal(&self, name: &str) {
        let sent =
            Command::new("kill").args([&format!("-{name}"), &self.id().to_string()]).status();
        assert!(sent.expect("there is kill").success());
    }

    /// Kills it, and starts it anew after a while.
    fn kill(&self) {
        self.signal("KILL");
        thread::sleep(AWAY);
        let mut process = self.process.lock().expect("no holder panics");
        // Somebody may have its port for a moment.
        for _ in 0..TRIES {
            *process = start(&self.arguments, &self.log);
            thread::sleep(AWAY / 2);
            if process.0.try_wait().expect("it is a child").is_none() {
                break;
            }
        }
        drop(process);
        if !listens(&self.address) {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            let last: Vec<_> = log.lines().rev().take(5).collect();
            panic!("nothing listens at {}; the log ends, from its end, in {last:#?}", self.address);
        }
    }

    /// A number in /proc/ID/status: KiB, or a count.
    fn status(&self, name: &str) -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.id())).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_start_matches(':').split_whitespace().next()?.parse().ok()
    }

    /// A metric, if the server answers.
    fn metric(&self, name: &str) -> Option<f64> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.admin)).ok()?;
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
        line.parse().ok()
    }
}

fn start(arguments: &[String], log: &PathBuf) -> Killed {
    let file = || -> File {
        OpenOptions::new().create(true).append(true).open(log).expect("the folder can be written")
    };
    let child = gazelle().args(arguments).stdout(file()).stderr(file()).spawn();
    Killed(child.expect("the program starts"))
}

pub(crate) struct Replicas {
    all: Vec<Replica>,
    /// When replicas were away, as far as clients may notice, or everything stood still.
    troubles: Mutex<Vec<RangeInclusive<Instant>>>,
}

impl Replicas {
    pub(crate) fn start(world: &World) -> Self {
        let all = (0..REPLICAS).map(|number| Replica::new(world, number)).collect();
        Self { all, troubles: Mutex::default() }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Replica> {
        self.all.iter()
    }

    /// Whether a replica was away at some time of these, or everything stood still.
    pub(crate) fn were_troubled(&self, time: &RangeInclusive<Instant>) -> bool {
        let troubles = self.troubles.lock().expect("no holder panics");
        troubles.iter().any(|one| one.start() <= time.end() && time.start() <= one.end())
    }

    /// Trouble from `start` until now, and until clients have noticed.
    fn trouble(&self, start: Instant) {
        self.troubles.lock().expect("no holder panics").push(start..=Instant::now() + NOTICE);
    }

    /// Kills one after the other, and has the last one read its configuration, until the load ends.
    pub(crate) fn disturb(&self, time: Duration, ending: &AtomicBool) {
        let every = KILL.min(time / 5);
        for round in 0.. {
            let next = Instant::now() + every;
            while Instant::now() < next {
                if ending.load(SeqCst) {
                    println!("replicas killed: {round}");
                    return;
                }
                thread::sleep(Duration::from_millis(100));
            }
            let start = Instant::now();
            // Clients may notice before it is back.
            self.trouble(start);
            self.all[round % LASTING].kill();
            self.trouble(start);
            self.all[LASTING].signal("HUP");
        }
    }

    /// Looks at all replicas' memory every second until the load ends.
    pub(crate) fn watch(&self, time: Duration, ended: &dyn Fn() -> bool) {
        let (start, mut lasting) = (Instant::now(), Vec::new());
        let mut most = [0; REPLICAS];
        while start.elapsed() < time && !ended() {
            for (replica, most) in self.all.iter().zip(&mut most) {
                let memory = replica.status("VmRSS").unwrap_or(0) >> 10;
                *most = memory.max(*most);
                assert!(memory <= MOST_MEMORY, "replica {} takes {memory} MiB", replica.number);
            }
            lasting.push(self.all[LASTING].status("VmRSS").expect("it lives") >> 10);
            assert_eq!(self.all[LASTING].metric("gazelle_panics_total").unwrap_or(0.0), 0.0);
            let before = Instant::now();
            thread::sleep(Duration::from_secs(1));
            if before.elapsed() > SLEPT {
                println!("everything stood still for {:.0} s", before.elapsed().as_secs_f64());
                self.trouble(before);
            }
        }
        let parts = [1, 2, 3].map(|third| lasting.len() * third / 3);
        let peak =
            |range: std::ops::Range<usize>| lasting[range].iter().max().copied().unwrap_or(0);
        let peaks = [peak(0..parts[0]), peak(parts[0]..parts[1]), peak(parts[1]..parts[2])];
        println!("memory at most: {most:?} MiB; of the lasting replica by thirds: {peaks:?} MiB");
        if time >= Duration::from_secs(180) {
            assert!(peaks[2] <= peaks[1] + GROWTH, "memory grows: {peaks:?} MiB");
        }
    }

    /// Waits until all sessions have ended; nobody holds one any more.
    pub(crate) fn drain(&self, time: Duration) {
        let end = Instant::now() + time;
        for replica in &self.all {
            while replica.metric("gazelle_sessions_active") != Some(0.0) {
                assert!(Instant::now() < end, "sessions of replica {} hang", replica.number);
                thread::sleep(Duration::from_millis(100));
            }
        }
        let threads: Vec<_> = self.all.iter().filter_map(|r| r.status("Threads")).collect();
        let memory: Vec<_> = self.all.iter().filter_map(|r| r.status("VmRSS")).collect();
        let memory: Vec<_> = memory.iter().map(|kib| kib >> 10).collect();
        println!("with no session left: {threads:?} threads, {memory:?} MiB");
    }

    /// Ends all of them as their operator would, and looks at what they have written.
    pub(crate) fn end(self) {
        for replica in self.all {
            replica.signal("TERM");
            let mut process = replica.process.lock().expect("no holder panics");
            assert_eq!(process.0.wait().expect("a child").code(), Some(0), "{}", replica.number);
            let log = fs::read_to_string(&replica.log).expect("the log is text");
            let bad = log.lines().find(|line| line.contains("panick") || line.contains("a bug"));
            assert_eq!(bad, None, "replica {}", replica.number);
        }
    }
}
