//! A client that asks one server, for as long as it likes.

use crate::{
    args::SessionArgs,
    classify::{naming, online, prepare},
    connection::Line,
    failure::{Failure, Result},
    prepare::{Prepared, Work, together, within_memory},
    progress::Progress,
    sessions::Sessions,
    store::StoreArgs,
};
use gazelle_protocol::{
    Error,
    model::Card,
    session::{ClientBundle, Outcome, Statistics},
};
use gazelle_service::bundles::ClientStore;

/// Whom a client asks, and where inferences wait that it has prepared.
#[derive(Debug, clap::Args)]
pub(crate) struct AskArgs {
    #[command(flatten)]
    pub(crate) session: SessionArgs,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

/// A client that asks a server about its images, in one session or several: the server ends a session in
/// which it refuses a stored inference, and the client goes on with the next one in another. So it does
/// where a session fails and another try may help.
pub struct Asking {
    card: Card,
    store: Option<ClientStore>,
    sessions: Sessions,
    /// Prepared in this session and for it.
    waiting: Vec<ClientBundle>,
    /// Stored inferences that the server has refused.
    refused: usize,
}

impl Asking {
    pub(crate) fn begin(args: &AskArgs, progress: Progress, line: Line) -> Result<Self> {
        let store = args.store.open(&args.session.server)?;
        let mut sessions = Sessions::begin(&args.session, false, progress, line)?;
        let card = sessions.current().0.plan().card().clone();
        Ok(Self { card, store, sessions, waiting: Vec::new(), refused: 0 })
    }

    /// The public part of the server's network.
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// Classifies one image, whose pixels come in the order of the card's input shape, with the first
    /// inference that the server takes: those that wait, then one that is prepared now.
    ///
    /// # Errors
    /// The session's. If it has ended, the next call begins another.
    pub fn classify(&mut self, image: &[u8]) -> Result<Outcome> {
        self.ask(&[image])?.pop().expect("one of one image")
    }

    /// Classifies images, as many at a time as may go through the network together. Returns the outcomes, as
    /// many as there are until something fails, and how it ended. A class that does not exist, or one twice,
    /// ends nothing: the server must not learn of it.
    pub fn classify_all(
        &mut self,
        images: &[impl AsRef<[u8]>],
    ) -> (Vec<Result<Outcome>>, Result<()>) {
        let mut outcomes = Vec::new();
        while outcomes.len() < images.len() {
            match self.ask(&images[outcomes.len()..]) {
                Ok(next) => outcomes.extend(next),
                Err(failure) => return (outcomes, Err(failure)),
            }
        }
        (outcomes, Ok(()))
    }

    /// The first of these images, as many as go through the network together, in as many sessions as it
    /// takes; an outcome may be none. What the server was sent of an image in each is hidden by a mask that is
    /// used nowhere else, and that a session fails depends on nothing that the image or its class decides.
    fn ask(&mut self, images: &[impl AsRef<[u8]>]) -> Result<Vec<Result<Outcome>>> {
        self.revive()?;
        // What trouble costs is one stored inference, once it is known that there may be trouble.
        let mut careful = self.refused > 0;
        let outcomes = loop {
            match self.ask_once(images, careful) {
                Ok(outcomes) => break outcomes,
                Err(Trouble::Session(failure)) => {
                    careful = true;
                    self.waiting.clear();
                    self.sessions.begin_after(failure)?;
                }
                Err(Trouble::Bundles(count)) => {
                    careful = true;
                    self.refused += count;
                    self.waiting.clear();
                    self.sessions.begin_again()?;
                }
            }
        };
        self.sessions.succeeded();
        Ok(outcomes)
    }

    /// Some of the images, with the inferences that wait, or ones that are prepared now; with a stored one the
    /// first image alone, where `careful`.
    fn ask_once(
        &mut self,
        images: &[impl AsRef<[u8]>],
        careful: bool,
    ) -> std::result::Result<Vec<Result<Outcome>>, Trouble> {
        let (client, progress, server) = self.sessions.current();
        let most = within_memory(client, images.len().min(client.plan().most_together()));
        let stored = if careful { 1 } else { most };
        let mut bundles = Vec::new();
        if let Some(store) = &self.store {
            while bundles.len() < stored {
                match store.take(client.plan()) {
                    Ok(Some(bundle)) => bundles.push(bundle),
                    Ok(None) => break,
                    // Those that were taken are good.
                    Err(_) if !bundles.is_empty() => break,
                    Err(error) => return Err(Failure::from(error).into()),
                }
            }
        }
        let may_be_refused = !bundles.is_empty();
        if bundles.is_empty() {
            bundles = self.waiting.split_off(self.waiting.len().saturating_sub(most));
        }
        if bundles.is_empty() {
            bundles = prepare(client, together(client, most), progress)
                .map_err(|error| naming(server, &error))?;
        }
        let (count, images) = (bundles.len(), &images[..bundles.len()]);
        let outcomes = online(client, bundles, images, progress).map_err(|error| match error {
            error if may_be_refused && error.refuses_bundle() => Trouble::Bundles(count),
            error => naming(server, &error).into(),
        })?;
        let named =
            |outcome: std::result::Result<_, Error>| outcome.map_err(|e| naming(server, &e));
        Ok(outcomes.into_iter().map(named).collect())
    }

    /// Prepares so many inferences: into the store, if there is one, in a session beyond which the server
    /// keeps them; otherwise for this session alone.
    ///
    /// # Errors
    /// The session's and the store's; what was prepared before stays.
    pub fn prepare(&mut self, count: usize) -> Result<Prepared> {
        if let Some(store) = &self.store {
            // A client may be allowed one session at a time.
            self.sessions.rest();
            let mut sessions = self.sessions.keeping()?;
            let mut work = Work::new(store, count, &mut sessions)?;
            let end = work.prepare_all(&mut sessions);
            let costs = sessions.end();
            self.sessions.add(costs);
            return end.map(|()| work.done(costs.offline));
        }
        self.revive()?;
        let before = self.sessions.costs().offline;
        let (client, progress, server) = self.sessions.current();
        progress.step("offline");
        let mut left = count;
        while left > 0 {
            let bundles = client.offline(together(client, left), |_, _| ());
            let bundles = bundles.map_err(|error| naming(server, &error))?;
            left -= bundles.len();
            self.waiting.extend(bundles);
        }
        let offline = self.sessions.costs().offline - before;
        Ok(Prepared { prepared: count, waiting: self.waiting.len(), offline })
    }

    /// Another session, if this one has ended.
    fn revive(&mut self) -> Result<()> {
        if self.sessions.is_over() {
            self.waiting.clear();
            self.sessions.begin_again()?;
        }
        Ok(())
    }

    /// What all sessions have cost so far.
    pub fn costs(&self) -> Statistics {
        self.sessions.costs()
    }

    /// How many stored inferences the server has refused.
    pub(crate) fn refused(&self) -> usize {
        self.refused
    }

    /// Says farewell.
    pub fn end(self) {
        self.sessions.end();
    }
}

/// Why images have no outcomes yet.
enum Trouble {
    /// The server has refused one of so many stored inferences, and ended the session.
    Bundles(usize),
    /// The session has ended.
    Session(Failure),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Session(failure)
    }
}
