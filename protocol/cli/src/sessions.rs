//! A client's sessions with a server, one after the other.

use crate::{
    args::SessionArgs,
    classify,
    connection::{Line, Road, Wish},
    failure::{Failure, Result},
    hints,
    progress::{Progress, Stop},
    retry::Tries,
};
use gazelle_protocol::session::{Client, Statistics, Terms};

/// The session that runs, and what the others begin with: a session that has ended is followed by
/// another, with the same model. Whatever was used in one is used in no other.
pub(crate) struct Sessions {
    args: SessionArgs,
    line: Line,
    road: Road,
    /// Whether what is prepared must outlive its session.
    keep: bool,
    terms: Terms,
    tries: Tries,
    progress: Progress,
    /// None once one has failed that no other follows.
    client: Option<Client>,
    /// What the sessions before this one have cost.
    before: Statistics,
}

impl Sessions {
    /// Sets the first one up; `line` is its connection, and that of each that follows.
    pub(crate) fn begin(
        args: &SessionArgs,
        keep: bool,
        progress: Progress,
        line: Line,
    ) -> Result<Self> {
        let road = Road::new(&args.road, line.clone())?;
        let (mut terms, mut tries) = (args.terms.terms(), Tries::new(args.retry, line.clone()));
        let client = tries.until_well(&progress, || session(args, &road, keep, &terms))?;
        tries.succeeded();
        // What follows is made for this card.
        terms.card = Some(client.plan().card_hash());
        let (client, before) = (Some(client), Statistics::default());
        let args = args.clone();
        Ok(Self { args, line, road, keep, terms, tries, progress, client, before })
    }

    /// Others beside these, beyond which the server keeps what is prepared in them.
    pub(crate) fn keeping(&self) -> Result<Self> {
        let mut args = self.args.clone();
        args.terms.card = self.terms.card;
        Self::begin(&args, true, Progress::silent(&Stop::default()), self.line.clone())
    }

    /// Another one, after one that has ended.
    pub(crate) fn begin_again(&mut self) -> Result<()> {
        self.before = self.costs();
        // A client may be allowed one session at a time.
        self.client = None;
        self.progress.step("set-up");
        let Self { args, road, keep, terms, tries, progress, .. } = self;
        let client = tries.until_well(progress, || session(args, road, *keep, terms))?;
        self.client = Some(client);
        Ok(())
    }

    /// Another one after a failure, where that may help; the failure where not.
    pub(crate) fn begin_after(&mut self, failure: Failure) -> Result<()> {
        self.tries.wait_after(failure, &self.progress)?;
        self.begin_again()
    }

    /// Something went well: the next failure has nothing to do with the one before.
    pub(crate) fn succeeded(&mut self) {
        self.tries.succeeded();
    }

    /// Says farewell to the server until another one begins.
    pub(crate) fn rest(&mut self) {
        self.before = self.costs();
        // What is done is done, whether or not the server hears the farewell.
        let _ = self.client.take().map(Client::close);
    }

    /// Whether none runs in which an inference can be prepared.
    pub(crate) fn is_over(&self) -> bool {
        self.client.as_ref().is_none_or(|client| client.check_count(1).is_err())
    }

    /// The session that runs, where to show what it does, and the server's address.
    ///
    /// # Panics
    /// If the last one has failed and no other has begun.
    pub(crate) fn current(&mut self) -> (&mut Client, &Progress, &str) {
        (self.client.as_mut().expect("a session runs"), &self.progress, &self.args.server)
    }

    /// What all of them have cost so far.
    pub(crate) fn costs(&self) -> Statistics {
        self.client.as_ref().map_or(self.before, |client| sum(self.before, client.statistics()))
    }

    /// Counts what others beside them have cost.
    pub(crate) fn add(&mut self, costs: Statistics) {
        self.before = sum(self.before, costs);
    }

    /// Says farewell; what all of them have cost.
    pub(crate) fn end(mut self) -> Statistics {
        self.rest();
        self.before
    }
}

fn sum(mut one: Statistics, Statistics { setup, offline, online }: Statistics) -> Statistics {
    one.setup += setup;
    one.offline += offline;
    one.online += online;
    one
}

/// Sets one up with the server that the arguments name.
fn session(args: &SessionArgs, road: &Road, keep: bool, terms: &Terms) -> Result<Client> {
    let wish = Wish { model: args.model.as_deref(), keep };
    let channel = road.open(&args.server, wish, args.patience.patience(), None)?;
    Ok(hints::cached(classify::set_up(channel, &args.server, terms)?))
}
