//! `gazelle classify`: the client.

use crate::{
    args::ClassifyArgs,
    connection::{Road, Wish},
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
use gazelle_service::bundles::ClientStore;
use serde::Serialize;
use std::{path::Path, time::Duration};

/// What the server sees does not depend on any image or result: the pictures are decoded before
/// there is a connection, their sizes are checked before the first of them is sent, and all results
/// are printed at the end.
pub(crate) fn run(args: &ClassifyArgs) -> Result<()> {
    let pictures = args.images.iter().map(|path| files::read_picture(path));
    let pictures: Vec<Picture> = pictures.collect::<Result<_>>()?;
    let store = args.store.open(&args.server)?;
    let road = Road::new(&args.road)?;
    let progress = Progress::start("set-up");
    let wish = Wish { model: args.model.as_deref(), keep: false };
    let channel = road.open(&args.server, wish, args.patience.patience(), None)?;
    let mut client = set_up(channel, &args.server, &args.terms.terms())?;
    let card = client.plan().card();
    let images = pictures
        .iter()
        .zip(&args.images)
        .map(|(picture, path)| picture.tensor(card).when(|| path.display().to_string()));
    let images: Vec<Vec<u8>> = images.collect::<Result<_>>()?;
    let (outcomes, end) =
        classify_all(&mut client, &images, store.as_ref(), &progress, &args.server);
    let (statistics, card) = (client.statistics(), client.plan().card().clone());
    // The images are classified, whether or not the server hears the farewell.
    let _ = client.close();
    drop(progress);
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
    if !args.json {
        output::line(format_args!("\n{}", table::phases(&statistics).trim_end()))?;
    }
    Ok(())
}

/// The outcomes of the images, as many as the session lasts for, and how it ended. A class that does
/// not exist, or one twice, ends nothing: the server must not learn of it.
fn classify_all(
    client: &mut Client,
    images: &[Vec<u8>],
    store: Option<&ClientStore>,
    progress: &Progress,
    server: &str,
) -> (Vec<Result<Outcome>>, Result<()>) {
    let mut outcomes = Vec::new();
    for image in images {
        let bundle = match bundle(client, store, progress) {
            Ok(bundle) => bundle,
            Err(failure) => return (outcomes, Err(failure.naming(server))),
        };
        match online(client, bundle, image, progress) {
            Err(error @ Error::Peer(PeerFault::Class { .. } | PeerFault::Ranking { .. })) => {
                outcomes.push(Err(naming(server, &error)));
            }
            Err(error) => return (outcomes, Err(naming(server, &error))),
            Ok(outcome) => outcomes.push(Ok(outcome)),
        }
    }
    (outcomes, Ok(()))
}

/// Sets a session up with a server on this machine; with a `link`, simulates it.
pub(crate) fn connect_here(server: &str, patience: Duration, link: Option<Link>) -> Result<Client> {
    let channel = Road::here().open(server, Wish::default(), patience.into(), link)?;
    set_up(channel, server, &Terms::NONE)
}

/// Sets a session up with the server that a channel leads to.
pub(crate) fn set_up(channel: Channel, server: &str, terms: &Terms) -> Result<Client> {
    Client::connect(channel, terms).map_err(|error| match error {
        Error::Transport(TransportFault::TimedOut) => Failure::new(format!(
            "{server}: {error}, or give it longer with --timeout and --setup-timeout"
        )),
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
    let outcome = prepare(client, progress).and_then(|b| online(client, b, image, progress));
    outcome.map_err(|error| naming(server, &error))
}

/// A stored inference while there is one, else one that is prepared now.
fn bundle(
    client: &mut Client,
    store: Option<&ClientStore>,
    progress: &Progress,
) -> std::result::Result<ClientBundle, NoBundle> {
    let stored = store.map(|store| store.take(client.plan())).transpose();
    match stored.map_err(NoBundle::Store)?.flatten() {
        Some(bundle) => Ok(bundle),
        None => prepare(client, progress).map_err(NoBundle::Session),
    }
}

fn prepare(client: &mut Client, progress: &Progress) -> std::result::Result<ClientBundle, Error> {
    progress.step("offline");
    let report = |received, expected| progress.bytes("offline", received, expected);
    Ok(client.offline(1, report)?.pop().expect("one was asked for"))
}

fn online(
    client: &mut Client,
    bundle: ClientBundle,
    image: &[u8],
    progress: &Progress,
) -> std::result::Result<Outcome, Error> {
    progress.step("online");
    let report = |received, expected| progress.bytes("online", received, expected);
    client.classify_showing(bundle, image, report)
}

/// Why there is no inference to use.
enum NoBundle {
    Store(gazelle_service::Error),
    Session(Error),
}

impl NoBundle {
    fn naming(self, server: &str) -> Failure {
        match self {
            Self::Store(error) => error.into(),
            Self::Session(error) => naming(server, &error),
        }
    }
}

/// The error's line, with the option that helps.
fn naming(server: &str, error: &Error) -> Failure {
    let hint = match error {
        Error::Transport(TransportFault::TimedOut) => ", or give it longer with --timeout",
        Error::Peer(PeerFault::NotGazelle) => ", and whether the server wants --tls",
        Error::Limit(Limit::Memory { .. }) => "; allow more with --max-memory",
        Error::Limit(Limit::Download { .. }) => "; allow more with --max-download",
        _ => "",
    };
    Failure::new(format!("{server}: {error}{hint}"))
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
