//! Running the command, and looking at what it did.

use gazelle_protocol::{
    session::{Client, Terms},
    transport,
};
use rand::{Rng, SeedableRng, rngs::ChaCha20Rng};
use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio},
    time::Duration,
};

/// The program under test.
pub(crate) fn gazelle() -> Command {
    Command::new(env!("CARGO_BIN_EXE_gazelle"))
}

/// Runs it with `arguments` to its end.
pub(crate) fn run<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Output {
    gazelle().args(arguments).stdin(Stdio::null()).output().expect("the program starts")
}

/// Standard output of a run that must succeed.
pub(crate) fn succeed<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> String {
    let output = run(arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    String::from_utf8(output.stdout).expect("the output is text")
}

/// The one line on standard error of a run that must end with `code` and print nothing else.
pub(crate) fn fail<S>(code: i32, arguments: impl IntoIterator<Item = S>) -> String
where
    S: AsRef<std::ffi::OsStr>,
{
    let output = run(arguments);
    let errors = String::from_utf8(output.stderr).expect("the message is text");
    assert_eq!(output.status.code(), Some(code), "{errors}");
    assert_eq!(errors.lines().count(), 1, "one line, not {errors:?}");
    assert!(errors.starts_with("gazelle: "), "{errors}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    errors
}

/// A client without TLS that has a seat, and asks for nothing.
pub(crate) fn seated(address: &str) -> Client {
    let channel = transport::connect(address, Duration::from_secs(120), None).unwrap();
    sit(Client::connect(channel, &Terms::NONE).unwrap())
}

/// The client once the server has given it a seat, as one has that was served.
pub(crate) fn sit(mut client: Client) -> Client {
    client.offline(1, |_, _| ()).unwrap();
    client
}

/// For clients that are to fail at once.
pub(crate) const ONCE: [&str; 2] = ["--retry", "0"];

/// A file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Writes a grey PNG of `width` × `height` pixels.
pub(crate) fn write_png(path: &Path, width: u32, height: u32) {
    let file = std::fs::File::create(path).expect("the folder can be written");
    let mut encoder = png::Encoder::new(file, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().expect("the header is valid");
    writer.write_image_data(&vec![77; (width * height) as usize]).expect("the pixels fit");
}

/// Writes a grey or, with three channels, a coloured PNG of `side` × `side` pixels without pattern.
pub(crate) fn write_noise(path: &Path, side: u32, channels: u32, seed: u64) {
    let file = std::fs::File::create(path).expect("the folder can be written");
    let mut encoder = png::Encoder::new(file, side, side);
    encoder.set_color(if channels == 3 { png::ColorType::Rgb } else { png::ColorType::Grayscale });
    let mut writer = encoder.write_header().expect("the header is valid");
    let mut pixels = vec![0; (side * side * channels) as usize];
    ChaCha20Rng::seed_from_u64(seed).fill_bytes(&mut pixels);
    writer.write_image_data(&pixels).expect("the pixels fit");
}

/// A `gazelle serve` on a free port, killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: String,
    output: BufReader<ChildStdout>,
}

impl Server {
    /// Starts it with `arguments` after `serve --listen 127.0.0.1:0`.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", arguments)
    }

    /// Starts it with `arguments` after `serve --listen ADDRESS`.
    pub(crate) fn start_at(address: &str, arguments: &[&str]) -> Self {
        Self::run(&[&["--plaintext=anywhere", "--listen", address], arguments].concat())
    }

    /// Starts it with `arguments` after `serve`.
    pub(crate) fn run(arguments: &[&str]) -> Self {
        Self::of(gazelle().arg("serve").args(arguments))
    }

    /// Starts a command that serves.
    pub(crate) fn of(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut output = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut line = String::new();
        output.read_line(&mut line).expect("the first line is text");
        let address = line.trim().rsplit(' ').next().expect("the address is the last word").into();
        Self { child, address, output }
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal, by its name.
    pub(crate) fn signal(&self, name: &str) {
        let number = self.child.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &number]).status();
        assert!(sent.expect("there is kill").success());
    }

    /// How it ended.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("it is a child of this process")
    }

    /// The next line of its log.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the log is text");
        line
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed from elsewhere.
        self.child.kill().expect("it is a child of this process");
        self.child.wait().expect("it was killed");
    }
}
