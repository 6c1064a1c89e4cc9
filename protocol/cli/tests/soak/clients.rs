//! Clients, and what becomes of each of their runs.

use crate::{
    hostile::Relay,
    replicas::Replicas,
    world::{Sample, World, gazelle, name, timeout},
};
use rand::{Rng, RngExt, SeedableRng, rngs::ChaCha20Rng};
use std::{
    collections::{BTreeMap, HashSet},
    fmt, fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

/// After so many times as long as a party waits, a run hangs.
const HANG: u32 = 15;

/// How the lines begin in which a client says that it tries again.
const AGAIN: &str = "gazelle: trying again in ";

/// What a client says of stored inferences that the server did not take.
const REFUSED: &str = "refused and are gone";

/// What has become of clients' runs.
#[derive(Default)]
pub(crate) struct Tally {
    runs: u64,
    killed: u64,
    prepared: u64,
    /// Images that were classified, each as in the clear.
    pub(crate) right: u64,
    /// Images of runs that did not end well, and tries after which there was another: each may have used
    /// a bundle.
    pub(crate) unsure: u64,
    /// The tries among them.
    tries: u64,
    /// Two runs with copies of one bundle: of each pair, one at most gets its class with it.
    twins: u64,
    twins_served: u64,
    /// Reasons that clients gave, and how often.
    failures: BTreeMap<String, u64>,
}

impl Tally {
    pub(crate) fn plus(mut self, other: Self) -> Self {
        self.runs += other.runs;
        self.killed += other.killed;
        self.prepared += other.prepared;
        self.right += other.right;
        self.unsure += other.unsure;
        self.tries += other.tries;
        self.twins += other.twins;
        self.twins_served += other.twins_served;
        for (why, count) in other.failures {
            *self.failures.entry(why).or_default() += count;
        }
        self
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed: u64 = self.failures.values().sum();
        write!(
            f,
            "{} runs, {} killed, {failed} failed and said why, {} other tries; {} inferences \
             prepared, {} images right; {} pairs with one bundle, {} served",
            self.runs,
            self.killed,
            self.tries,
            self.prepared,
            self.right,
            self.twins,
            self.twins_served
        )?;
        self.failures.iter().try_for_each(|(why, count)| write!(f, "\n  {count} × {why}"))
    }
}

/// A client that runs one command after the other.
pub(crate) struct Client<'a> {
    world: &'a World,
    replicas: &'a Replicas,
    name: String,
    relay: Relay,
    rng: ChaCha20Rng,
    /// Bundles that were used, by their files.
    gone: HashSet<PathBuf>,
    seen: HashSet<PathBuf>,
    tally: Tally,
}

impl<'a> Client<'a> {
    pub(crate) fn new(world: &'a World, replicas: &'a Replicas, number: usize) -> Self {
        let rng = ChaCha20Rng::seed_from_u64(number as u64);
        let (gone, seen, tally) = Default::default();
        let relay = Relay::start(world.address.clone(), number as u64);
        Self { world, replicas, name: name(number), relay, rng, gone, seen, tally }
    }

    /// Runs commands until the load ends.
    pub(crate) fn run(mut self, ending: &AtomicBool) -> Tally {
        while !ending.load(SeqCst) {
            // One in four goes where connections tear; what it prepares there waits for there.
            let torn = self.rng.random_ratio(1, 4);
            let address = match torn {
                true => self.relay.address.clone(),
                false => self.world.address.clone(),
            };
            let store = self.world.path(&self.name);
            let waiting = self.ready(&store, &address).len();
            match self.rng.random_range(0..10) {
                0 => self.classify(&address, None),
                1 if waiting == 1 => self.twins(&address, &store),
                _ if waiting == 0 => self.prepare(&address, &store),
                2 if waiting < 6 => self.prepare(&address, &store),
                _ => self.classify(&address, Some(&store)),
            }
            // What was used never comes back.
            let ready = self.ready(&store, &address);
            assert!(ready.is_disjoint(&self.gone), "{}: a bundle came back", self.name);
            let own = folder_of(&store, &address);
            let left = |path: &&PathBuf| path.starts_with(&own) && !ready.contains(*path);
            self.gone.extend(self.seen.iter().filter(left).cloned());
            self.seen.extend(ready);
        }
        self.tally
    }

    /// The files of bundles that wait for a server at an address.
    fn ready(&self, store: &Path, address: &str) -> HashSet<PathBuf> {
        let entries = fs::read_dir(folder_of(store, address)).into_iter().flatten();
        let paths = entries.map(|entry| entry.expect("an entry").path());
        paths.filter(|path| path.extension().is_some_and(|end| end == "ready")).collect()
    }

    fn command(&self, what: &str, address: &str, store: Option<&Path>) -> Command {
        let mut command = gazelle();
        let seconds = timeout().to_string();
        command.args([what, "--timeout", &seconds, "--setup-timeout", &seconds]);
        command.args(["--server", address, "--tls"]);
        command.arg(self.world.keys(&self.name));
        if let Some(store) = store {
            command.arg("--store").arg(store);
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn prepare(&mut self, address: &str, store: &Path) {
        let count = self.rng.random_range(1..=4u64);
        let mut command = self.command("prepare", address, Some(store));
        command.args(["--count", &count.to_string()]);
        if let Some(text) = self.watched(&mut command) {
            assert!(text.starts_with(&format!("{count} prepared; ")), "{text}");
            self.tally.prepared += count;
        }
    }

    fn classify(&mut self, address: &str, store: Option<&Path>) {
        let count = self.rng.random_range(1..=3);
        let samples: Vec<_> = (0..count).map(|_| self.sample()).collect();
        let mut command = self.command("classify", address, store);
        command.args(samples.iter().map(|sample| &sample.path));
        match self.watched(&mut command) {
            Some(text) => {
                assert_eq!(right(&text, &samples), count, "{text}");
                // Whatever the client has of what it prepared, the servers have too.
                assert!(!text.contains(REFUSED), "{}: {text}", self.name);
                self.tally.right += count;
            }
            None => self.tally.unsure += count,
        }
    }

    /// Two runs at once with copies of one bundle, as of a store that was restored: the one that is
    /// refused prepares another.
    fn twins(&mut self, address: &str, store: &Path) {
        let copy = store.with_extension("copy");
        copy_folder(store, &copy);
        let start = Instant::now();
        let running = [store, &copy].map(|store| {
            let sample = self.sample();
            let mut command = self.command("classify", address, Some(store));
            // Another try would take another bundle.
            command.args(["--retry", "0"]).arg(&sample.path);
            (command.spawn().expect("the program starts"), sample)
        });
        let (mut served, mut well) = (0, 0);
        for (running, sample) in running {
            let (status, text, errors) = wait(running);
            if status.success() {
                assert_eq!(right(&text, &[sample]), 1, "{text}");
                served += u64::from(!text.contains(REFUSED));
                well += 1;
                continue;
            }
            let line = clear_line(status, &errors);
            assert!(self.was_disturbed(start), "{}: {line}", self.name);
            *self.tally.failures.entry(reason(&line)).or_default() += 1;
        }
        assert!(served <= 1, "{}: one bundle served two images", self.name);
        assert!(served == 1 || self.was_disturbed(start), "{}: a bundle was lost", self.name);
        self.tally.runs += 2;
        self.tally.twins += 1;
        self.tally.twins_served += served;
        self.tally.right += well;
        // Of one that failed: the bundle, and another that it prepared.
        self.tally.unsure += 2 * (2 - well);
        // Where the run with the copy alone got as far as using its bundle, the other is spent too.
        let left = self.ready(&copy, address);
        for path in self.ready(store, address) {
            let other = folder_of(&copy, address).join(path.file_name().expect("a name"));
            if !left.contains(&other) {
                fs::remove_file(path).expect("the folder can be written");
            }
        }
        fs::remove_dir_all(copy).expect("the folder can be written");
    }

    fn sample(&mut self) -> &'a Sample {
        &self.world.samples[self.rng.next_u32() as usize % self.world.samples.len()]
    }

    /// Whether there is a reason for a run that began at `start` to fail.
    fn was_disturbed(&self, start: Instant) -> bool {
        // Whoever watches the clock needs a second to notice.
        thread::sleep(Duration::from_millis(1500));
        let time = start..=Instant::now();
        self.relay.tore(&time) || self.replicas.were_troubled(&time)
    }

    /// Runs a command to its end, or kills it on the way; what it printed if it ended well.
    fn watched(&mut self, command: &mut Command) -> Option<String> {
        self.tally.runs += 1;
        let start = Instant::now();
        let mut running = command.spawn().expect("the program starts");
        let killed = self.rng.random_ratio(1, 6);
        if killed {
            thread::sleep(Duration::from_millis(self.rng.random_range(0..400)));
            running.kill().expect("it is a child");
        }
        let (status, text, errors) = wait(running);
        let (again, errors): (Vec<_>, Vec<_>) =
            errors.lines().partition(|line| line.starts_with(AGAIN));
        self.tally.tries += again.len() as u64;
        self.tally.unsure += again.len() as u64;
        if let Some(line) = again.first() {
            assert!(self.was_disturbed(start), "{} had trouble by itself: {line}", self.name);
        }
        if killed {
            self.tally.killed += 1;
            return None;
        }
        if status.success() {
            return Some(text);
        }
        let errors = errors.join("\n");
        let line = clear_line(status, &errors);
        assert!(self.was_disturbed(start), "{} failed by itself: {line}", self.name);
        *self.tally.failures.entry(reason(&line)).or_default() += 1;
        None
    }
}

/// Where a client's store keeps what it has prepared with the server at an address.
fn folder_of(store: &Path, address: &str) -> PathBuf {
    store.join(address.replace(':', "_"))
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).expect("the folder can be written");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        match path.is_dir() {
            true => copy_folder(&path, &target),
            false => drop(fs::copy(&path, &target).expect("a file")),
        }
    }
}

/// How a run ended, and what it has printed.
fn wait(mut running: Child) -> (ExitStatus, String, String) {
    let end = Instant::now() + HANG * Duration::from_secs(timeout());
    // Neither output fills its pipe.
    let status = loop {
        match running.try_wait().expect("it is a child") {
            Some(status) => break status,
            None if Instant::now() > end => {
                let _ = running.kill();
                panic!("a client hangs");
            }
            None => thread::sleep(Duration::from_millis(5)),
        }
    };
    let (mut text, mut errors) = (String::new(), String::new());
    running.stdout.take().expect("a pipe").read_to_string(&mut text).expect("text");
    running.stderr.take().expect("a pipe").read_to_string(&mut errors).expect("text");
    (status, text, errors)
}

/// How many images got the class that they have in the clear.
fn right(text: &str, samples: &[&Sample]) -> u64 {
    let named = |(line, sample): (&str, &&Sample)| line.ends_with(&format!(": {}", sample.class));
    text.lines().zip(samples).filter(|&pair| named(pair)).count() as u64
}

/// The one line in which a run says why it failed.
fn clear_line(status: ExitStatus, errors: &str) -> String {
    let clear = matches!(status.code(), Some(1..=99)) && errors.lines().count() == 1;
    assert!(clear && errors.starts_with("gazelle: "), "{status}: {errors:?}");
    errors.trim_end().into()
}

/// A line without its numbers.
fn reason(line: &str) -> String {
    let line = line.trim_start_matches("gazelle: ");
    let words = line.split(' ').filter(|word| !word.contains(|c: char| c.is_ascii_digit()));
    words.collect::<Vec<_>>().join(" ")
}
