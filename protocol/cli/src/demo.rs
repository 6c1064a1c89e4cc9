//! `gazelle demo`: a server process and a client, one picture, and the plaintext network beside.

use crate::{
    args::{DemoArgs, LinearName},
    classify,
    failure::{Failure, Result, While},
    files,
    outcome::{Described, text},
    output,
    progress::Progress,
    server_process::ServerProcess,
    table,
};
use gazelle_import::decode_image;
use gazelle_protocol::{
    model::{Card, Network},
    session::{Outcome, Statistics},
};
use serde::Serialize;
use std::time::Duration;

/// The server is on this machine, but the machine may be busy.
const TIMEOUT: Duration = Duration::from_secs(120);

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    outcome: Described,
    matches_plaintext: bool,
    #[serde(flatten)]
    statistics: Statistics,
}

pub(crate) fn run(args: &DemoArgs) -> Result<()> {
    let network = args.network.network()?;
    let (name, image) = picture(args, network.card())?;
    let (outcome, statistics) = classify_privately(args, &image)?;
    let report = Report {
        outcome: Described::new(network.card(), &outcome),
        matches_plaintext: matches_plaintext(&network, &image, &outcome)?,
        statistics,
    };
    if args.json {
        output::raw(serde_json::to_string(&report).expect("strings and numbers are JSON"))?;
    } else {
        output::line(format_args!("{name}: {}", text(network.card(), &outcome)))?;
        let answer = if report.matches_plaintext { "yes" } else { "no" };
        output::line(format_args!("equals the plaintext integer network: {answer}\n"))?;
        output::line(table::phases(&statistics).trim_end())?;
    }
    match report.matches_plaintext {
        true => Ok(()),
        false => Err(Failure::new("the private result is wrong: please report this as a bug")),
    }
}

/// The picture's name and pixels.
fn picture(args: &DemoArgs, card: &Card) -> Result<(String, Vec<u8>)> {
    if let Some(path) = &args.image {
        return Ok((path.display().to_string(), files::read_image(path, card)?));
    }
    let Some(picture) = args.network.picture() else {
        let name = args.network.name();
        return Err(Failure::new(format!(
            "no picture comes with {name}; give one of {}×{} pixels, as in `gazelle demo --network \
             {name} --image FILE`",
            card.input.width, card.input.height
        )));
    };
    let pixels = decode_image(picture.bytes, card).when(|| picture.name.into())?;
    Ok((picture.name.into(), pixels))
}

/// Starts a server, asks it, and ends it.
fn classify_privately(args: &DemoArgs, image: &[u8]) -> Result<(Outcome, Statistics)> {
    let progress = Progress::start("starting the server");
    let mut arguments = vec!["--network".into(), args.network.name()];
    arguments.extend(["--reveal".into(), args.reveal.name()]);
    arguments.extend(["--linear".into(), LinearName::Auto.name()]);
    let server = ServerProcess::start(&arguments)?;
    progress.step("set-up");
    let mut client = classify::connect_here(server.address(), TIMEOUT, None)?;
    let outcome = classify::classify(&mut client, image, &progress, server.address())?;
    Ok((outcome, client.statistics()))
}

/// Whether the plaintext network gives the same: the same values of all classes where the client
/// has them, otherwise the same result of the head.
fn matches_plaintext(network: &Network, image: &[u8], outcome: &Outcome) -> Result<bool> {
    let trace = network.forward(image).when(|| "the plaintext network".into())?;
    Ok(match outcome {
        Outcome::Values(values) => values == trace.logits(),
        outcome => outcome.numbers() == trace.result,
    })
}
