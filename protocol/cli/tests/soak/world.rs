//! What the load runs in: the database, credentials, images, the balancer.

use crate::{clients::Tally, replicas::Replicas};
use gazelle_import::files;
use postgres::NoTls;
use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::Duration,
};

/// The network that is served.
const MODEL: &str = "models/fashion-mnist-d.gazelle";

/// Notes each bundle that comes into the table and each that leaves it.
const WATCH: &str = "
    CREATE TABLE soak_event (id BYTEA NOT NULL, what TEXT NOT NULL);
    CREATE FUNCTION soak_note() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO soak_event VALUES (coalesce(NEW.id, OLD.id), TG_OP);
            RETURN NULL;
        END $$;
    CREATE TRIGGER soak AFTER INSERT OR DELETE ON gazelle_bundle
        FOR EACH ROW EXECUTE FUNCTION soak_note();
";

/// Of the events, how many there are of a kind, and the most of one bundle.
const COUNT: &str = "SELECT coalesce(sum(n), 0)::bigint, coalesce(max(n), 0)::bigint
    FROM (SELECT count(*) AS n FROM soak_event WHERE what = $1 GROUP BY id) AS each";

/// An image, and what the network makes of it in the clear.
pub(crate) struct Sample {
    pub(crate) path: PathBuf,
    pub(crate) class: String,
}

pub(crate) struct World {
    folder: tempfile::TempDir,
    pub(crate) database: String,
    pub(crate) samples: Vec<Sample>,
    /// Where the balancer listens.
    pub(crate) address: String,
}

impl World {
    /// Makes credentials and looks at the images.
    pub(crate) fn new(database: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (keys, program) = (folder.path().join("keys"), folder.path().join("gazelle"));
        fs::copy(env!("CARGO_BIN_EXE_gazelle"), &program).expect("there is room");
        PROGRAM.set(program).expect("there is one world");
        let mut keygen = gazelle();
        keygen.arg("keygen").arg(&keys).stdout(Stdio::null());
        for client in (0..crate::CLIENTS).map(name).chain(["mallory".into()]) {
            keygen.args(["--client", &client]);
        }
        assert!(keygen.status().expect("the program starts").success());
        let address = format!("127.0.0.1:{}", free_port());
        Self { folder, database: database.into(), samples: samples(), address }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder of a party's credentials.
    pub(crate) fn keys(&self, party: &str) -> PathBuf {
        self.path("keys").join(party)
    }

    fn connect(&self) -> postgres::Client {
        postgres::Client::connect(&self.database, NoTls).expect("the database is there")
    }

    /// From now on, whatever comes into the table and leaves it is counted.
    pub(crate) fn watch_bundles(&self) {
        self.connect().batch_execute(WATCH).expect("the tables are there");
    }

    /// Asserts that no bundle was given out twice, and that those that were are those that clients
    /// have used.
    pub(crate) fn assert_bundles(&self, tally: &Tally) {
        let mut database = self.connect();
        let [(kept, most_kept), (spent, most_spent)] = ["INSERT", "DELETE"].map(|what| {
            let row = database.query_one(COUNT, &[&what]).expect("the events are there");
            (row.get::<_, i64>(0) as u64, row.get::<_, i64>(1))
        });
        println!("bundles: {kept} kept by the servers, {spent} given out, {} used", tally.right);
        assert_eq!((most_kept, most_spent), (1, 1), "a bundle was kept or given out twice");
        let most = tally.right + tally.unsure;
        assert!((tally.right..=most).contains(&spent), "clients used {} to {most}", tally.right);
    }

    /// HAProxy before the replicas, as deploy/haproxy.cfg has it but for the addresses.
    pub(crate) fn start_balancer(&self, replicas: &Replicas) -> Killed {
        let text = fs::read_to_string(repository("deploy/haproxy.cfg")).expect("a file");
        let lines = text.lines().filter(|line| !line.starts_with("    server "));
        let mut own: Vec<_> =
            lines.map(|line| line.replace("0.0.0.0:7464", &self.address)).collect();
        own.extend(replicas.iter().map(|replica| {
            let (number, address, admin) = (replica.number, &replica.address, replica.admin);
            format!("    server replica-{number} {address} port {admin}")
        }));
        let [file, log] = ["haproxy.cfg", "haproxy.log"].map(|name| self.path(name));
        fs::write(&file, own.join("\n") + "\n").expect("the folder can be written");
        let log = fs::File::create(log).expect("the folder can be written");
        let child = Command::new("haproxy").arg("-db").arg("-f").arg(file).stderr(log).spawn();
        let child = Killed(child.expect("install haproxy (Debian: haproxy)"));
        wait_for(&self.address);
        child
    }
}

/// A process that is killed when this is dropped.
pub(crate) struct Killed(pub(crate) Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // Either fails only if it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A copy of the program, which may be built anew meanwhile.
static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// The program under test.
pub(crate) fn gazelle() -> Command {
    let mut command = Command::new(PROGRAM.get().expect("the world was made"));
    command.stdin(Stdio::null());
    command
}

/// Seconds that a party waits for its peer: GAZELLE_SOAK_TIMEOUT, 20 without it. On a machine that has
/// much else to do, an honest peer may need more.
pub(crate) fn timeout() -> u64 {
    let given = std::env::var("GAZELLE_SOAK_TIMEOUT").ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(20)
}

/// A client's name.
pub(crate) fn name(number: usize) -> String {
    format!("client-{number}")
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound address").port()
}

/// Waits until somebody listens at an address.
pub(crate) fn wait_for(address: &str) {
    assert!(listens(address), "nothing listens at {address}");
}

/// Whether somebody listens at an address, or does in a while; a machine that stands still meanwhile does
/// not count.
pub(crate) fn listens(address: &str) -> bool {
    (0..50 * timeout()).any(|_| {
        let listens = TcpStream::connect(address).is_ok();
        if !listens {
            thread::sleep(Duration::from_millis(20));
        }
        listens
    })
}

/// A file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn samples() -> Vec<Sample> {
    let network = files::read_network(repository(MODEL)).expect("a model");
    let entries = fs::read_dir(repository("models/samples")).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let images = paths.filter(|path| path.extension().is_some_and(|end| end == "png"));
    let sample = |path: PathBuf| {
        let image = files::read_image(&path, network.card()).expect("an image");
        let class = network.forward(&image).expect("it fits").result[0] as usize;
        Sample { path, class: network.card().classes[class].clone() }
    };
    images.map(sample).collect()
}
