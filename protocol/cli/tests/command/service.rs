//! A server as its operator runs it: configuration, quotas, signals, metrics, log.

use crate::peers::{busy_client, counting, wait_for_images};
use crate::support::{ONCE, Server, fail, gazelle, repository, succeed};
use std::{
    fs::{self, File},
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

const SAMPLE: &str = "models/samples/0000-ankle-boot.png";

/// A folder with credentials for alice and bob, the trained network as two models, and a configuration
/// with these lines.
fn configure(folder: &Path, lines: &str) -> String {
    let keys = folder.to_str().unwrap();
    succeed(["keygen", keys, "--client", "alice", "--token", "bob"]);
    let model = repository("models/fashion-mnist-d.gazelle");
    let models = [("clothes", "1"), ("clothes", "2"), ("shoes", "1")].map(|(name, version)| {
        let file = model.display();
        format!("[[model]]\nname = \"{name}\"\nversion = \"{version}\"\nfile = \"{file}\"\n")
    });
    let text = format!("listen = \"127.0.0.1:0\"\ntls = \"server\"\n{lines}\n{}", models.concat());
    let file = folder.join("gazelle.toml");
    fs::write(&file, text).unwrap();
    file.to_str().unwrap().into()
}

/// `gazelle classify` of one image by a client, with what follows.
fn classify(folder: &Path, client: &str, server: &Server, last: &[&str]) -> Vec<String> {
    let (tls, image) = (folder.join(client), repository(SAMPLE));
    let [tls, image] = [&tls, &image].map(|path| path.to_str().unwrap());
    let arguments = ["classify", "--tls", tls, "--server", &server.address, image];
    [&arguments[..], last].concat().into_iter().map(String::from).collect()
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

/// The lines of the log up to one with these words.
fn wait_for(server: &mut Server, words: &str) -> String {
    loop {
        let line = server.line();
        assert!(!line.is_empty(), "the log ends without {words}");
        if line.contains(words) {
            return line;
        }
    }
}

#[test]
fn several_models_by_name_and_version() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let file = configure(folder, "max-clients = 3");
    let line = succeed(["config", "check", &file]);
    assert!(line.contains("clothes@1, clothes@2, shoes@1; TLS, for 2 clients"), "{line}");
    let json: serde_json::Value =
        serde_json::from_str(&succeed(["config", "check", "--json", &file])).unwrap();
    assert_eq!(json["clients"], serde_json::json!(["alice", "bob"]));
    assert_eq!(json["protection"], "tls");
    assert_eq!(
        (&json["models"][1]["name"], &json["models"][1]["version"]),
        (&"clothes".into(), &"2".into())
    );
    assert_eq!(json["models"][0]["card"], json["models"][2]["card"]);
    let list = folder.join("server/clients.toml");
    edit(&list, "token =", "models = [\"shoes\"]\ntoken =");
    let server = Server::run(&["--config", &file]);
    for model in ["clothes", "clothes@1", "shoes", "shoes@1"] {
        succeed(classify(folder, "alice", &server, &["--model", model]));
    }
    let line = fail(3, classify(folder, "alice", &server, &["--model", "clothes@3"]));
    assert!(line.contains("but clothes@1, clothes@2, shoes@1"), "{line}");
    succeed(classify(folder, "bob", &server, &[]));
    let line = fail(3, classify(folder, "bob", &server, &["--model", "clothes"]));
    assert!(line.contains("but shoes@1") && !line.contains("clothes"), "{line}");
}

#[test]
fn configurations_that_are_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let file = configure(folder.path(), "");
    let path = Path::new(&file);
    let right = fs::read_to_string(path).unwrap();
    for (from, to, words) in [
        ("tls = ", "tsl = ", "--tsl"),
        ("\"127.0.0.1:0\"", "\"nowhere\"", "nowhere"),
        ("\"127.0.0.1:0\"", "[1, 2]", "`listen` is a text"),
        ("version = \"2\"", "version = \"1\"", "two models clothes@1"),
        ("version = \"2\"", "verzion = \"1\"", "verzion"),
        ("version = \"2\"", "version = \"a b\"", "letters, digits"),
        ("name = \"shoes\"", "nam", "gazelle.toml: line "),
        ("tls = \"server\"", "tls = \"elsewhere\"", "elsewhere"),
        ("tls = \"server\"", "tls = \"server\"\nmax-clients = 0", "max-clients"),
        ("tls = \"server\"", "tls = \"server\"\nconfig = \"x\"", "no key of the file"),
        ("fashion-mnist-d", "no-such-model", "no-such-model"),
    ] {
        fs::write(path, right.replacen(from, to, 1)).unwrap();
        let line = fail(1, ["config", "check", &file]);
        assert!(line.contains(words), "{to}: {line}");
    }
    fs::write(path, "listen = \"127.0.0.1:0\"\nplaintext = \"here\"").unwrap();
    let line = fail(1, ["config", "check", &file]);
    assert!(line.contains("no model"), "{line}");
    fail(1, ["config", "check", "no/such.toml"]);
    // The command line overrides the file.
    fs::write(path, right).unwrap();
    fail(1, ["serve", "--config", &file, "--listen", "192.0.2.1:1"]);
}

#[test]
fn quotas_hold_across_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let file = configure(folder, "store = \"bundles.sqlite\"");
    edit(
        &folder.join("server/clients.toml"),
        "certificate =",
        "inferences-per-day = 2\ncertificate =",
    );
    edit(&folder.join("server/clients.toml"), "token =", "sessions = 0\ntoken =");
    let server = Server::run(&["--config", &file]);
    succeed(classify(folder, "alice", &server, &[]));
    drop(server);
    let mut server = Server::run(&["--config", &file]);
    succeed(classify(folder, "alice", &server, &[]));
    let line = fail(3, classify(folder, "alice", &server, &[]));
    assert!(line.contains("quota of 2 inferences a day") && line.contains("00:00 UTC"), "{line}");
    let line = wait_for(&mut server, "quota");
    assert!(line.contains(", alice: refused: "), "{line}");
    let line = fail(3, classify(folder, "bob", &server, &ONCE));
    assert!(line.contains("as many sessions as you may"), "{line}");
}

#[test]
fn bytes_of_a_day() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let file = configure(folder, "admin = \"127.0.0.1:0\"");
    // Enough for one inference of 4 MB.
    let list = folder.join("server/clients.toml");
    edit(&list, "certificate =", "bytes-per-day = 6_000_000\ncertificate =");
    let mut server = Server::run(&["--config", &file]);
    let line = wait_for(&mut server, "admin on ");
    let admin = line.trim().rsplit(' ').next().unwrap().to_string();
    succeed(classify(folder, "alice", &server, &[]));
    let line = fail(3, classify(folder, "alice", &server, &[]));
    assert!(line.contains("of your quota of 6000000 a day; come back at 00:00 UTC"), "{line}");
    succeed(classify(folder, "bob", &server, &[]));
    let text = get(&admin, "/metrics");
    let used = text.split_once("\ngazelle_client_bytes{client=\"alice\"} ").unwrap().1;
    let used: u64 = used.lines().next().unwrap().parse().unwrap();
    // What was refused is not counted.
    assert!((3_000_000..6_000_000).contains(&used), "{text}");
}

/// What an HTTP client reads.
fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

/// Asserts that metrics count a session's phases as the client does that printed this.
fn assert_phases(metrics: &str, text: &str) {
    for phase in ["set-up", "offline", "online"] {
        let row = text.lines().find(|line| line.starts_with(&format!("{phase} "))).unwrap();
        let cells: Vec<_> = row.split_whitespace().map(|cell| cell.replace(',', "")).collect();
        let label = format!("{{phase=\"{phase}\"");
        for (sample, value) in [
            (format!("gazelle_phases_total{label}}}"), "1"),
            (format!("gazelle_phase_bytes_total{label},direction=\"received\"}}"), &cells[2]),
            (format!("gazelle_phase_bytes_total{label},direction=\"sent\"}}"), &cells[3]),
        ] {
            assert!(metrics.contains(&format!("\n{sample} {value}\n")), "{sample}: {metrics}");
        }
        let seconds = format!("\ngazelle_phase_seconds_total{label}}} ");
        let seconds = metrics.split_once(&seconds).unwrap().1.lines().next().unwrap();
        assert!(seconds.parse::<f64>().unwrap() > 0.0, "{metrics}");
    }
}

#[test]
fn health_metrics_and_the_log_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let file = configure(folder, "admin = \"127.0.0.1:0\"\nlog-format = \"json\"");
    let list = folder.join("server/clients.toml");
    edit(&list, "certificate =", "inferences-per-day = 1\ncertificate =");
    let mut server = Server::run(&["--config", &file]);
    let line = wait_for(&mut server, "admin on ");
    let object: serde_json::Value = serde_json::from_str(&line).unwrap();
    let admin = object["message"].as_str().unwrap().strip_prefix("admin on ").unwrap().to_string();
    let text = succeed(classify(folder, "alice", &server, &[]));
    let line = wait_for(&mut server, "alice");
    let object: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&object["client"], &object["inferences"]), (&"alice".into(), &1.into()));
    assert_eq!((&object["session"], &object["level"]), (&1.into(), &"INFO".into()));
    assert!(object["seconds"].as_f64().is_some_and(|seconds| seconds > 0.0));
    assert!(!line.contains("ankle") && !line.contains("Ankle"), "{line}");
    assert_phases(&get(&admin, "/metrics"), &text);
    fail(3, classify(folder, "alice", &server, &["--model", "x"]));
    wait_for(&mut server, "refused");
    fail(3, classify(folder, "alice", &server, &[]));
    wait_for(&mut server, "quota");
    for (path, words) in [
        ("/healthz", "200 OK"),
        ("/readyz", "ready"),
        ("/metrics", "\ngazelle_inferences_total 1\n"),
        ("/metrics", "\ngazelle_prepared_total 1\n"),
        ("/metrics", "\ngazelle_sessions_ended_total 1\n"),
        ("/metrics", "\ngazelle_refused_total{cause=\"wish\"} 1\n"),
        ("/metrics", "\ngazelle_refused_total{cause=\"quota\"} 1\n"),
        ("/metrics", "\ngazelle_client_quota{client=\"alice\",period=\"day\"} 1\n"),
        ("/metrics", "\ngazelle_client_inferences{client=\"alice\",period=\"ever\"} 1\n"),
        ("/other", "404 Not Found"),
    ] {
        let text = get(&admin, path);
        assert!(text.contains(words), "{path}: {text}");
    }
    // Somebody who says nothing delays the next one for two seconds at most.
    let silent = TcpStream::connect(&admin).unwrap();
    assert!(get(&admin, "/healthz").contains("200 OK"));
    drop(silent);
}

#[test]
fn a_server_that_is_told_to_end() {
    let mut server = Server::start(&["--network", "fashion-mnist", "--grace", "600"]);
    // One that sits between phases, or in the middle of one.
    let (address, count) = counting(&server);
    let running = busy_client(&address);
    wait_for_images(&count);
    let start = Instant::now();
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(300), "{:?}", start.elapsed());
    let output = running.wait_with_output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(matches!(output.status.code(), Some(3 | 4)), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    // What was classified is printed.
    let classified = String::from_utf8(output.stdout).unwrap();
    assert!((1..1000).contains(&classified.lines().count()), "{classified}");
    assert!(classified.lines().all(|line| line.contains("Ankle")), "{classified}");
    // An idle one ends at once.
    let mut idle = Server::start(&["--network", "fashion-mnist"]);
    idle.signal("TERM");
    assert_eq!(idle.wait().code(), Some(0));
}

/// It is neither deaf nor killed while it reads its models, which may take minutes where hints are built.
#[test]
fn a_server_that_is_told_to_end_while_it_starts() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model.gazelle");
    assert!(Command::new("mkfifo").arg(&model).status().unwrap().success());
    let mut server = gazelle()
        .args(["serve", "--plaintext", "--listen", "127.0.0.1:0", "--model"])
        .arg(&model)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // It opens once the server reads it.
    let _unfinished = File::options().write(true).open(&model).unwrap();
    let number = server.id().to_string();
    for name in ["-HUP", "-TERM"] {
        assert!(server.try_wait().unwrap().is_none(), "before {name}");
        assert!(Command::new("kill").args([name, &number]).status().unwrap().success());
    }
    assert_eq!(server.wait().unwrap().code(), Some(0));
}

#[test]
fn a_configuration_that_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let file = configure(folder, "");
    let mut server = Server::run(&["--config", &file]);
    succeed(["keygen", folder.to_str().unwrap(), "--client", "carol", "--revoke", "alice"]);
    fail(3, classify(folder, "carol", &server, &[]));
    succeed(classify(folder, "alice", &server, &[]));
    server.signal("HUP");
    wait_for(&mut server, "configuration read again");
    succeed(classify(folder, "carol", &server, &[]));
    let line = fail(1, classify(folder, "alice", &server, &[]));
    assert!(line.contains("revoked"), "{line}");
    // One that is not right changes nothing.
    edit(Path::new(&file), "name = \"shoes\"", "nam = \"shoes\"");
    server.signal("HUP");
    wait_for(&mut server, "the old configuration stays");
    succeed(classify(folder, "carol", &server, &["--model", "shoes"]));
}
