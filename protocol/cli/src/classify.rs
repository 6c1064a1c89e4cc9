//! `gazelle classify`: the client.

use crate::{
    args::ClassifyArgs,
    asking::Asking,
    connection::{Line, Road, Wish},
    failure::{Failure, Result, While},
    files,
    outcome::{Described, text},
    output,
    progress::Progress,
    table,
};
use gazelle_import::Picture;
use gazelle_protocol::{
    Error, Link,
    error::{Limit, PeerFault},
    model::Card,
    session::{Client, ClientBundle, Outcome, Terms},
    transport::{Channel, TransportFault},
};
use serde::Serialize;
use std::{path::Path, time::Duration};

/// What the server sees does not depend on any image or result: the pictures are decoded before
/// there is a connection, their sizes are checked before the first of them is sent, and all results
/// are printed at the end.
pub(crate) fn run(args: &ClassifyArgs) -> Result<()> {
    let pictures = args.images.iter().map(|path| files::read_picture(path));
    let pictures: Vec<Picture> = pictures.collect::<Result<_>>()?;
    let mut asking = Asking::begin(&args.ask, Progress::start("set-up"), Line::default())?;
    let card = asking.card().clone();
    let images = pictures
        .iter()
        .zip(&args.images)
        .map(|(picture, path)| picture.tensor(&card).when(|| path.display().to_string()));
    let images: Vec<Vec<u8>> = images.collect::<Result<_>>()?;
    let (outcomes, end) = asking.classify_all(&images);
    let (statistics, refused) = (asking.costs(), asking.refused());
    asking.end();
    let printed = args.images.iter().zip(outcomes).map(|(path, outcome)| {
        let outcome = outcome?;
        match args.json {
            true => output::raw(json(path, &card, &outcome)),
            false => output::line(format_args!("{}: {}", path.display(), text(&card, &outcome))),
        }
    });
    // The first failure is the one that is told; what else there is is printed all the same.
    let printed = printed.fold(Ok(()), Result::and);
    end.and(printed)?;
    if args.json {
        return Ok(());
    }
    if refused > 0 {
        output::line(format_args!("\n{refused} stored inferences were refused and are gone"))?;
    }
    output::line(format_args!("\n{}", table::phases(&statistics).trim_end()))
}

/// Sets a session up with a server on this machine; with a `link`, simulates it.
pub(crate) fn connect_here(server: &str, patience: Duration, link: Option<Link>) -> Result<Client> {
    let channel = Road::here().open(server, Wish::default(), patience.into(), link)?;
    set_up(channel, server, &Terms::NONE)
}

/// Sets a session up with the server that a channel leads to.
pub(crate) fn set_up(channel: Channel, server: &str, terms: &Terms) -> Result<Client> {
    Client::connect(channel, terms).map_err(|error| match error {
        Error::Transport(TransportFault::TimedOut) => Failure::Line(
            (&error).into(),
            format!("{server}: {error}, or give it longer with --timeout and --setup-timeout"),
        ),
        error => naming(server, &error),
    })
}

/// Both phases for one image.
pub(crate) fn classify(
    client: &mut Client,
    image: &[u8],
    progress: &Progress,
    server: &str,
) -> Result<Outcome> {
    let outcomes = prepare(client, 1, progress).and_then(|b| online(client, b, &[image], progress));
    let outcome = outcomes.and_then(|mut outcomes| outcomes.pop().expect("one of one image"));
    outcome.map_err(|error| naming(server, &error))
}

/// Inferences ahead of their images.
pub(crate) fn prepare(
    client: &mut Client,
    count: usize,
    progress: &Progress,
) -> std::result::Result<Vec<ClientBundle>, Error> {
    progress.step("offline");
    let report = |received, expected| progress.bytes("offline", received, expected);
    client.offline(count, report)
}

/// The images' part of inferences, of which there may be an error in the place of an outcome.
pub(crate) fn online(
    client: &mut Client,
    bundles: Vec<ClientBundle>,
    images: &[impl AsRef<[u8]>],
    progress: &Progress,
) -> std::result::Result<Vec<std::result::Result<Outcome, Error>>, Error> {
    progress.step("online");
    let report = |received, expected| progress.bytes("online", received, expected);
    client.classify_together(bundles, images, report)
}

/// The error's line, with the option that helps.
pub(crate) fn naming(server: &str, error: &Error) -> Failure {
    let hint = match error {
        Error::Transport(TransportFault::TimedOut) => ", or give it longer with --timeout",
        Error::Peer(PeerFault::NotGazelle) => ", and whether the server wants --tls",
        Error::Limit(Limit::Memory { .. }) => "; allow more with --max-memory",
        Error::Limit(Limit::Download { .. }) => "; allow more with --max-download",
        _ => "",
    };
    Failure::Line(error.into(), format!("{server}: {error}{hint}"))
}

#[derive(Serialize)]
struct Classified<'a> {
    image: &'a Path,
    #[serde(flatten)]
    outcome: Described,
}

fn json(image: &Path, card: &Card, outcome: &Outcome) -> String {
    let object = Classified { image, outcome: Described::new(card, outcome) };
    serde_json::to_string(&object).expect("strings and numbers are JSON")
}
