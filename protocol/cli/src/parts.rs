//! Parts of the command for programs in other languages. They take arguments as the command line has them,
//! so that there is one list of settings, and one place that checks them, and give what `--json` prints.

use crate::{
    args::{EvalArgs, ImportArgs, InspectArgs},
    asking::{AskArgs, Asking},
    config::one_line,
    connection::Line,
    eval,
    failure::{Cause, Failure, Result, While},
    files,
    outcome::{Described, text},
    pixel_args::PixelArgs,
    progress::{Progress, Stop},
};
use gazelle_import::FloatNetwork;
use gazelle_model::Card;
use gazelle_protocol::{printable, session::Outcome};
use serde::Serialize;
use std::{ffi::OsString, path::PathBuf};

/// Connects to the server that `--server` and the other arguments of `gazelle classify` name; `line` is
/// its connection from then on.
///
/// # Errors
/// Arguments that there are not; what keeps a session from being set up.
pub fn ask(arguments: Vec<OsString>, line: Line) -> Result<Asking> {
    let args: AskArgs = parse(arguments)?;
    Asking::begin(&args, Progress::silent(&Stop::default()), line)
}

/// `gazelle inspect --json`.
///
/// # Errors
/// Arguments that there are not; a file that is no model's.
pub fn inspect(arguments: Vec<OsString>) -> Result<String> {
    let args: InspectArgs = parse(arguments)?;
    crate::inspect::report(&args)
}

/// `gazelle import --json`, with all warnings in the object. Ends when it is told to.
///
/// # Errors
/// Arguments that there are not; files that cannot be read or imported.
pub fn import(arguments: Vec<OsString>, stop: &Stop) -> Result<String> {
    let args: ImportArgs = parse(arguments)?;
    let mut imported = crate::import::import(&args, &Progress::silent(stop))?;
    imported.warn_of_all();
    imported.json(&args)
}

/// `gazelle eval --json`. Ends when it is told to.
///
/// # Errors
/// Arguments that there are not; files that cannot be read.
pub fn evaluate(arguments: Vec<OsString>, stop: &Stop) -> Result<String> {
    let args: EvalArgs = parse(arguments)?;
    let accuracy = eval::evaluate(&args, &Progress::silent(stop))?;
    json(&accuracy)
}

/// The network of an ONNX file in floating point, from the arguments that `gazelle import` has for what
/// the network reads.
///
/// # Errors
/// Arguments that there are not; a file that cannot be imported.
pub fn float_network(arguments: Vec<OsString>) -> Result<FloatNetwork> {
    let FloatArgs { onnx, pixels } = parse(arguments)?;
    files::read_onnx(&onnx, None, &[], &pixels)
}

#[derive(clap::Args)]
struct FloatArgs {
    #[arg(value_name = "FILE.onnx")]
    onnx: PathBuf,
    #[command(flatten)]
    pixels: PixelArgs,
}

/// What a card says, as `gazelle inspect --json` has it.
///
/// # Errors
/// A card that no network has.
pub fn card(card: &Card) -> Result<String> {
    #[derive(Serialize)]
    struct Report {
        name: String,
        input: [usize; 3],
        output: String,
        classes: Vec<String>,
        card: String,
    }
    let report = Report {
        name: printable(&card.name),
        input: [card.input.channels, card.input.height, card.input.width],
        output: crate::inspect::outputs(card),
        classes: card.classes.iter().map(|class| printable(class)).collect(),
        card: card.hash().when(|| "the card".into())?.to_string(),
    };
    json(&report)
}

/// What the client learns, as `gazelle classify --json` has it, with the line for people as `text`.
pub fn outcome(card: &Card, outcome: &Outcome) -> String {
    #[derive(Serialize)]
    struct Report {
        #[serde(flatten)]
        described: Described,
        text: String,
    }
    let report = Report { described: Described::new(card, outcome), text: text(card, outcome) };
    serde_json::to_string(&report).expect("strings and numbers are JSON")
}

/// A result as the command's `--json` has it.
///
/// # Errors
/// Numbers that JSON has not.
pub fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).when(|| "the result".into())
}

/// Arguments without the command's name.
fn parse<A: clap::Args>(arguments: Vec<OsString>) -> Result<A> {
    let command = A::augment_args(clap::Command::new("gazelle").no_binary_name(true));
    let usage = |error: clap::Error| Failure::Line(Cause::Usage, one_line(&error));
    let matches = command.try_get_matches_from(arguments).map_err(usage)?;
    A::from_arg_matches(&matches).map_err(usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<OsString> {
        words.iter().map(Into::into).collect()
    }

    #[test]
    fn arguments_are_those_of_the_command_line() {
        let args: AskArgs = parse(words(&["--server=h:1", "--plaintext", "--timeout=7"])).unwrap();
        assert_eq!((args.session.server.as_str(), args.session.patience.timeout), ("h:1", 7));
        for wrong in [&["--nonsense"][..], &["--plaintext", "--timeout=0"], &[], &["--help"]] {
            let failure = parse::<AskArgs>(words(wrong)).unwrap_err();
            assert_eq!(failure.cause(), Cause::Usage);
            assert!(!failure.to_string().contains('\n'), "{failure}");
        }
    }

    #[test]
    fn a_line_that_was_cut_holds_until_it_is_mended() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let server = format!("--server={}", listener.local_addr().unwrap());
        let line = Line::default();
        line.cut();
        let arguments = [server.as_str(), "--plaintext", "--setup-timeout=120"];
        let begin = || ask(words(&arguments), line.clone()).map(|_| ()).unwrap_err();
        assert_eq!(begin().cause(), Cause::Connection);
        line.mend();
        let cutter = std::thread::spawn({
            let line = line.clone();
            move || {
                let (mut stream, _) = listener.accept().unwrap();
                // The greeting is there, so the client waits for the answer.
                std::io::Read::read(&mut stream, &mut [0; 1]).unwrap();
                line.cut();
                stream
            }
        });
        let start = std::time::Instant::now();
        assert_eq!(begin().cause(), Cause::Connection);
        assert!(start.elapsed().as_secs() < 60, "it waits for nobody");
        drop(cutter.join().unwrap());
    }

    #[test]
    fn computations_end_when_they_are_told_to() {
        let stop = Stop::default();
        let progress = Progress::silent(&stop);
        progress.count("one", 1, 2);
        stop.stop();
        let end = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            progress.count("two", 2, 2);
        }));
        assert!(end.is_err());
    }
}
