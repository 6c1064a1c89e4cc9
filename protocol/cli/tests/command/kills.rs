//! Real processes that are killed between two messages.

use crate::store::{SAMPLE, client, ready, serve};
use crate::support::{ONCE, gazelle, repository, succeed};
use std::{
    collections::HashSet,
    io::{self, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

/// Kinds of frames, as docs/wire.md numbers them.
const REFUSAL: u8 = 14;
const MASKED: u8 = 11;
const SET_UP: u8 = 3;
/// Those that come before there is a key: greeting, card, request for access.
const WITHOUT_TAG: [u8; 3] = [1, 2, 20];

/// Bytes of a tag.
const TAG: usize = 16;

/// How long whoever has received a message may act on it before the kill.
const ACT: Duration = Duration::from_millis(3);

/// A way between clients and a server that counts messages, and kills a process at one of them.
pub(crate) struct Way {
    pub(crate) address: String,
    passed: AtomicU64,
    /// Who is to be killed, and when.
    order: Mutex<Option<Order>>,
    kills: AtomicU64,
}

#[derive(Clone, Copy)]
struct Order {
    victim: u32,
    at: At,
    /// Whether that message arrives.
    arrived: bool,
}

/// A message.
#[derive(Clone, Copy)]
enum At {
    /// By its number, from 1 on.
    Number(u64),
    /// The next one of a kind.
    Kind(u8),
}

impl Way {
    /// Starts it; it lives as long as this process.
    pub(crate) fn start(target: String) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (passed, order, kills) = Default::default();
        let way = Arc::new(Self { address, passed, order, kills });
        let shared = Arc::clone(&way);
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let Ok(far) = TcpStream::connect(&target) else { continue };
                for (from, to, up) in [(&near, &far, true), (&far, &near, false)] {
                    let [from, to] = [from, to].map(|end| end.try_clone().unwrap());
                    let way = Arc::clone(&shared);
                    thread::spawn(move || {
                        // However it ends, it ends both ways.
                        let _ = way.pass(&from, &to, up);
                        [from, to].iter().for_each(|end| drop(end.shutdown(Shutdown::Both)));
                    });
                }
            }
        });
        way
    }

    /// Passes messages on until one end is gone.
    fn pass(&self, mut from: &TcpStream, mut to: &TcpStream, up: bool) -> io::Result<()> {
        loop {
            let mut frame = vec![0; 5];
            from.read_exact(&mut frame)?;
            let kind = frame[0];
            let tagged = !(WITHOUT_TAG.contains(&kind) || up && kind == SET_UP);
            let len = u32::from_le_bytes(frame[1..5].try_into().unwrap()) as usize;
            if kind == REFUSAL {
                // Nothing follows, and whether it bears a tag depends on when it comes.
                to.write_all(&frame)?;
                return io::copy(&mut from, &mut to).map(drop);
            }
            frame.resize(5 + len + if tagged { TAG } else { 0 }, 0);
            from.read_exact(&mut frame[5..])?;
            let number = self.passed.fetch_add(1, SeqCst) + 1;
            let due = |order: &mut Order| match order.at {
                At::Number(at) => at == number,
                At::Kind(at) => at == kind,
            };
            let order = self.order.lock().unwrap().take_if(due);
            if let Some(Order { victim, arrived: false, .. }) = order {
                self.kill(victim);
            }
            let written = to.write_all(&frame);
            if let Some(Order { victim, arrived: true, .. }) = order {
                thread::sleep(ACT);
                self.kill(victim);
            }
            written?;
        }
    }

    /// Kills a process, if it has not just ended: its last message may have passed.
    fn kill(&self, victim: u32) {
        let kill = Command::new("kill").args(["-KILL", &victim.to_string()]).output();
        kill.expect("a command to kill processes");
        self.kills.fetch_add(1, SeqCst);
    }

    /// Whether fewer messages have passed than the order waits for.
    fn order_is_open(&self) -> bool {
        self.order.lock().unwrap().is_some()
    }

    /// Has a process die once a masked tensor has arrived.
    pub(crate) fn kill_online(&self, victim: u32) {
        *self.order.lock().unwrap() = Some(Order { victim, at: At::Kind(MASKED), arrived: true });
    }

    /// Waits until so many were killed.
    pub(crate) fn wait_for_kills(&self, count: u64) {
        while self.kills.load(SeqCst) < count {
            thread::sleep(ACT);
        }
    }

    /// Runs a client to its end or its death, or its server's (`server`), at message number `messages`,
    /// if there is one; how many messages passed.
    fn run(
        &self,
        arguments: &[String],
        server: Option<u32>,
        messages: Option<u64>,
        arrived: bool,
    ) -> u64 {
        self.passed.store(0, SeqCst);
        // No message passes before it is known who is killed at which.
        let mut order = self.order.lock().unwrap();
        let mut running = gazelle();
        running.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        let mut running = running.spawn().unwrap();
        let victim = server.unwrap_or(running.id());
        let kills = self.kills.load(SeqCst) + u64::from(messages.is_some());
        *order = messages.map(|at| Order { victim, at: At::Number(at), arrived });
        drop(order);
        running.wait().unwrap();
        // The kill may come after the client's end.
        while self.kills.load(SeqCst) < kills && !self.order_is_open() {
            thread::sleep(ACT);
        }
        self.passed.load(SeqCst)
    }
}

/// What a client does: prepares two inferences, or classifies with one that waits.
fn task(prepares: bool, folder: &Path, address: &str) -> Vec<String> {
    let image = repository(SAMPLE);
    let [retry, never] = ONCE;
    match prepares {
        true => client("prepare", folder, address, &[retry, never, "--count", "2"]),
        false => client("classify", folder, address, &[retry, never, image.to_str().unwrap()]),
    }
}

/// Whoever is killed at whichever message: the server has the partner of every half that the client has,
/// both can be used, once, and nothing that was used comes back.
#[test]
fn parties_that_are_killed_at_a_message() {
    let rounds = std::env::var("GAZELLE_KILLS").ok().and_then(|text| text.parse().ok());
    let rounds: u64 = rounds.unwrap_or(12);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut server = serve(folder, "127.0.0.1:0");
    let target = server.address.clone();
    let way = Way::start(target.clone());
    let run = |prepares| way.run(&task(prepares, folder, &way.address), None, None, false);
    let totals = [true, false].map(run);
    let (mut known, mut gone) = (HashSet::new(), HashSet::new());
    for round in 0..rounds {
        let (prepares, of_server) = (round % 2 == 0, round % 4 < 2);
        if !prepares && ready(folder).is_empty() {
            run(true);
        }
        known.extend(ready(folder));
        let total = totals[usize::from(!prepares)];
        let at = 1 + round * total / rounds;
        let victim = of_server.then(|| server.id());
        way.run(&task(prepares, folder, &way.address), victim, Some(at), round % 8 < 4);
        if of_server {
            drop(server);
            server = serve(folder, &target);
        }
        let waiting: HashSet<_> = ready(folder).into_iter().collect();
        assert!(waiting.is_disjoint(&gone), "an inference came back");
        gone.extend(known.difference(&waiting).cloned());
    }
    assert_eq!(way.kills.load(SeqCst), rounds);
    let waiting = ready(folder).len();
    let mut classify = task(false, folder, &way.address);
    let image = classify.last().unwrap().clone();
    classify.extend((1..waiting).map(|_| image.clone()));
    let text = succeed(classify);
    assert_eq!(text.matches("Ankle boot").count(), waiting.max(1), "{text}");
    assert!(!text.contains("refused"), "a half is without its partner: {text}");
    assert!(ready(folder).is_empty());
}
