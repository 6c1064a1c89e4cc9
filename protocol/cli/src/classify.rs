//! `gazelle classify`: the client.

use crate::{
    args::ClassifyArgs,
    failure::{Failure, Result},
    files, output,
    progress::Progress,
    table,
};
use gazelle_protocol::{
    Error, Link,
    model::Card,
    session::{Client, Outcome, system_rng},
    transport::{self, TransportFault},
};
use serde::Serialize;
use std::{path::Path, time::Duration};

pub(crate) fn run(args: &ClassifyArgs) -> Result<()> {
    args.images.iter().try_for_each(|path| files::check_readable(path))?;
    let progress = Progress::start("set-up");
    let mut client = connect(&args.server, Duration::from_secs(args.patience.timeout), None)?;
    let shape = client.plan().card().input;
    let images = args.images.iter().map(|path| files::read_image(path, shape));
    let images: Vec<Vec<u8>> = images.collect::<Result<_>>()?;
    for (path, image) in args.images.iter().zip(&images) {
        let outcome = classify(&mut client, image, &progress, &args.server)?;
        let line = if args.json {
            json(path, client.plan().card(), &outcome)
        } else {
            format!("{}: {}", path.display(), text(client.plan().card(), &outcome))
        };
        progress.print(&line)?;
    }
    drop(progress);
    if !args.json {
        output::line(format_args!("\n{}", table::phases(&client.statistics()).trim_end()))?;
    }
    // The images are classified, whether or not the server hears the farewell.
    let _ = client.close();
    Ok(())
}

/// Connects to a server and sets a session up; with a `link`, simulates it.
pub(crate) fn connect(server: &str, timeout: Duration, link: Option<Link>) -> Result<Client> {
    let channel =
        transport::connect(server, timeout, link).map_err(|e| Failure::new(e.to_string()))?;
    Client::connect(channel, system_rng()).map_err(|error| naming(server, &error))
}

/// Both phases for one image.
pub(crate) fn classify(
    client: &mut Client,
    image: &[u8],
    progress: &Progress,
    server: &str,
) -> Result<Outcome> {
    progress.step("offline");
    let report = |received, expected| progress.bytes("offline", received, expected);
    let bundles = client.offline(1, report).map_err(|error| naming(server, &error))?;
    let bundle = bundles.into_iter().next().expect("one was asked for");
    progress.step("online");
    client.classify(bundle, image).map_err(|error| naming(server, &error))
}

fn naming(server: &str, error: &Error) -> Failure {
    let hint = match error {
        Error::Transport(TransportFault::TimedOut) => ", or give it longer with --timeout",
        _ => "",
    };
    Failure::new(format!("{server}: {error}{hint}"))
}

/// The class by its name, then the values of all classes if the client has them.
pub(crate) fn text(card: &Card, outcome: &Outcome) -> String {
    let mut text = class_name(card, outcome).to_string();
    if let Some(logits) = &outcome.logits {
        let values = card.classes.iter().zip(logits).map(|(name, value)| format!("{name} {value}"));
        text += &format!(" ({})", values.collect::<Vec<_>>().join(", "));
    }
    // The names are the server's: none of them may speak to the terminal.
    text.retain(|c| !c.is_control());
    text
}

/// The name of the outcome's class.
pub(crate) fn class_name<'a>(card: &'a Card, outcome: &Outcome) -> &'a str {
    card.classes.get(outcome.label).map_or("a class without a name", String::as_str)
}

#[derive(Serialize)]
struct Classified<'a> {
    image: &'a Path,
    label: usize,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    logits: Option<&'a [i32]>,
}

fn json(image: &Path, card: &Card, outcome: &Outcome) -> String {
    let name = class_name(card, outcome);
    let logits = outcome.logits.as_deref();
    let object = Classified { image, label: outcome.label, name, logits };
    serde_json::to_string(&object).expect("strings and numbers are JSON")
}
