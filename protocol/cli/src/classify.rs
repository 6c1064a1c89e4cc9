//! `gazelle classify`: the client.

use crate::{
    args::ClassifyArgs,
    connection::{Road, Wish},
    failure::{Failure, Result, While},
    files,
    outcome::{Described, text},
    output,
    progress::Progress,
    sessions::Sessions,
    table,
};
use gazelle_import::Picture;
use gazelle_protocol::{
    Error, Link,
    error::{Limit, PeerFault},
    model::Card,
    session::{Client, ClientBundle, Outcome, Statistics, Terms},
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
    let mut asking = Asking::begin(args)?;
    let card = asking.sessions.card();
    let images = pictures
        .iter()
        .zip(&args.images)
        .map(|(picture, path)| picture.tensor(&card).when(|| path.display().to_string()));
    let images: Vec<Vec<u8>> = images.collect::<Result<_>>()?;
    let (outcomes, end) = asking.classify_all(&images);
    let (statistics, refused) = asking.end();
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

/// A client that asks a server about its images, in one session or several: the server ends a session in
/// which it refuses a stored inference, and the client goes on with the next one in another. So it does
/// where a session fails and another try may help.
struct Asking<'a> {
    args: &'a ClassifyArgs,
    store: Option<ClientStore>,
    sessions: Sessions<'a>,
    /// Stored inferences that the server has refused.
    refused: usize,
}

impl<'a> Asking<'a> {
    fn begin(args: &'a ClassifyArgs) -> Result<Self> {
        let store = args.store.open(&args.session.server)?;
        let sessions = Sessions::begin(&args.session, false)?;
        Ok(Self { args, store, sessions, refused: 0 })
    }

    /// The outcomes of the images, as many as there are until something fails, and how it ended. A class
    /// that does not exist, or one twice, ends nothing: the server must not learn of it.
    fn classify_all(&mut self, images: &[Vec<u8>]) -> (Vec<Result<Outcome>>, Result<()>) {
        let mut outcomes = Vec::new();
        for image in images {
            match self.classify(image) {
                Ok(outcome) => outcomes.push(outcome),
                Err(failure) => return (outcomes, Err(failure)),
            }
        }
        (outcomes, Ok(()))
    }

    /// One image, in as many sessions as it takes; its outcome may be none. What the server was sent of the image in each is hidden
    /// by a mask that is used nowhere else, and that a session fails depends on nothing that the image or
    /// its class decides.
    fn classify(&mut self, image: &[u8]) -> Result<Result<Outcome>> {
        let outcome = loop {
            match self.classify_once(image) {
                Ok(outcome) => break Ok(outcome),
                Err(Trouble::Result(failure)) => break Err(failure),
                Err(Trouble::Session(failure)) => self.sessions.begin_after(failure)?,
                Err(Trouble::Bundle) => {
                    self.refused += 1;
                    self.sessions.begin_again()?;
                }
            }
        };
        self.sessions.succeeded();
        Ok(outcome)
    }

    /// One image, with the first inference that waits in the store, or one that is prepared now.
    fn classify_once(&mut self, image: &[u8]) -> std::result::Result<Outcome, Trouble> {
        let server = &self.args.session.server;
        let (client, progress) = self.sessions.current();
        let stored = self.store.as_ref().map(|store| store.take(client.plan()));
        let stored = stored.transpose().map_err(Failure::from)?.flatten();
        let may_be_refused = stored.is_some();
        let bundle = match stored {
            Some(bundle) => bundle,
            None => prepare(client, progress).map_err(|error| naming(server, &error))?,
        };
        online(client, bundle, image, progress).map_err(|error| match error {
            error if may_be_refused && error.refuses_bundle() => Trouble::Bundle,
            Error::Peer(PeerFault::Class { .. } | PeerFault::Ranking { .. }) => {
                Trouble::Result(naming(server, &error))
            }
            error => naming(server, &error).into(),
        })
    }

    /// Says farewell; what all of it cost, and how many stored inferences were refused.
    fn end(self) -> (Statistics, usize) {
        (self.sessions.end(), self.refused)
    }
}

/// Why an image has no outcome yet.
enum Trouble {
    /// Its result is none; the session goes on.
    Result(Failure),
    /// The server has refused the stored inference, and ended the session.
    Bundle,
    /// The session has ended.
    Session(Failure),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Session(failure)
    }
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
    let outcome = prepare(client, progress).and_then(|b| online(client, b, image, progress));
    outcome.map_err(|error| naming(server, &error))
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

/// The error's line, with the option that helps.
fn naming(server: &str, error: &Error) -> Failure {
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
