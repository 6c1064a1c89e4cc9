//! A client's sessions with a server, one after the other.

use crate::{
    args::SessionArgs,
    classify,
    connection::{Road, Wish},
    failure::{Failure, Result},
    hints,
    progress::Progress,
    retry::Tries,
};
use gazelle_protocol::{
    model::Card,
    session::{Client, Statistics, Terms},
};

/// The session that runs, and what the others begin with: a session that has ended is followed by
/// another, with the same model. Whatever was used in one is used in no other.
pub(crate) struct Sessions<'a> {
    args: &'a SessionArgs,
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

impl<'a> Sessions<'a> {
    /// Sets the first one up.
    pub(crate) fn begin(args: &'a SessionArgs, keep: bool) -> Result<Self> {
        let road = Road::new(&args.road)?;
        let progress = Progress::start("set-up");
        let (mut terms, mut tries) = (args.terms.terms(), Tries::new(args.retry));
        let client = tries.until_well(&progress, || session(args, &road, keep, &terms))?;
        tries.succeeded();
        // What follows is made for this card.
        terms.card = Some(client.plan().card_hash());
        let (client, before) = (Some(client), Statistics::default());
        Ok(Self { args, road, keep, terms, tries, progress, client, before })
    }

    /// Another one, after one that the server has ended.
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

    /// The session that runs, and where to show what it does.
    ///
    /// # Panics
    /// If the last one has failed and no other has begun.
    pub(crate) fn current(&mut self) -> (&mut Client, &Progress) {
        (self.client.as_mut().expect("a session runs"), &self.progress)
    }

    /// The model's card.
    pub(crate) fn card(&mut self) -> Card {
        self.current().0.plan().card().clone()
    }

    /// What all of them have cost so far.
    fn costs(&self) -> Statistics {
        let mut sum = self.before;
        if let Some(client) = &self.client {
            let Statistics { setup, offline, online } = client.statistics();
            sum.setup += setup;
            sum.offline += offline;
            sum.online += online;
        }
        sum
    }

    /// Says farewell; what all of them have cost.
    pub(crate) fn end(self) -> Statistics {
        let costs = self.costs();
        // What is done is done, whether or not the server hears the farewell.
        let _ = self.client.map(Client::close);
        costs
    }
}

/// Sets one up with the server that the arguments name.
fn session(args: &SessionArgs, road: &Road, keep: bool, terms: &Terms) -> Result<Client> {
    let wish = Wish { model: args.model.as_deref(), keep };
    let channel = road.open(&args.server, wish, args.patience.patience(), None)?;
    Ok(hints::cached(classify::set_up(channel, &args.server, terms)?))
}
