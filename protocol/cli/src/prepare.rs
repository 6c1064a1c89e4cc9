//! `gazelle prepare`: inferences ahead of time, for images that nobody has seen yet.

use crate::{
    args::SessionArgs,
    connection::Line,
    failure::{Failure, Result},
    output,
    progress::Progress,
    sessions::Sessions,
    store::StoreArgs,
};
use gazelle_protocol::session::{Client, Phase};
use gazelle_service::bundles::ClientStore;
use serde::Serialize;

#[derive(Debug, clap::Args)]
pub(crate) struct PrepareArgs {
    #[command(flatten)]
    pub(crate) session: SessionArgs,
    /// How many inferences to prepare
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) count: u32,
    /// Where `classify` is to use them, if that is the address of other servers over the same database
    #[arg(long, value_name = "ADDR", value_parser = crate::parse::server)]
    pub(crate) classify_at: Option<String>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

/// What there is after inferences were prepared; as JSON, what `--json` prints.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Prepared {
    /// How many were prepared.
    pub prepared: usize,
    /// How many wait for this model, with those from before.
    pub waiting: usize,
    /// What preparing them cost.
    pub offline: Phase,
}

/// How many of the inferences that are left are prepared together, if there is room for them: the server
/// visits its weights once for all of them.
pub(crate) fn together(client: &Client, left: usize) -> usize {
    within_memory(client, left.min(8))
}

/// As many of `most` inferences as the client has memory for at a time, and one at least.
pub(crate) fn within_memory(client: &Client, most: usize) -> usize {
    (2..=most).rev().find(|&count| client.check_count(count).is_ok()).unwrap_or(1)
}

pub(crate) fn run(args: &PrepareArgs) -> Result<()> {
    let store = args.store.open(args.classify_at.as_ref().unwrap_or(&args.session.server))?;
    let store = store.ok_or_else(|| Failure::new("give --store DIR, where they are to wait"))?;
    let (progress, line) = (Progress::start("set-up"), Line::default());
    let mut sessions = Sessions::begin(&args.session, true, progress, line)?;
    let mut work = Work::new(&store, args.count as usize, &mut sessions)?;
    let end = work.prepare_all(&mut sessions);
    let report = work.done(sessions.end().offline);
    if args.json {
        output::raw(serde_json::to_string(&report).expect("numbers are JSON"))?;
    } else {
        let Prepared { prepared, waiting, .. } = report;
        output::line(format_args!("{prepared} prepared; {waiting} wait for this model"))?;
    }
    end
}

/// What is to be prepared for a store, and how much is.
pub(crate) struct Work<'a> {
    store: &'a ClientStore,
    count: usize,
    prepared: usize,
    /// Those of earlier times too.
    waiting: usize,
}

impl<'a> Work<'a> {
    pub(crate) fn new(
        store: &'a ClientStore,
        count: usize,
        sessions: &mut Sessions,
    ) -> Result<Self> {
        let waiting = store.count(sessions.current().0.plan())?;
        Ok(Self { store, count, prepared: 0, waiting })
    }

    /// Prepares and stores all of them, in as many sessions as it takes.
    pub(crate) fn prepare_all(&mut self, sessions: &mut Sessions) -> Result<()> {
        while self.prepared < self.count {
            match self.prepare_some(sessions) {
                Ok(()) => sessions.succeeded(),
                Err(failure) => sessions.begin_after(failure)?,
            }
        }
        Ok(())
    }

    /// As many as go together.
    fn prepare_some(&mut self, sessions: &mut Sessions) -> Result<()> {
        let (client, progress, server) = sessions.current();
        let batch = together(client, self.count - self.prepared);
        let step = format!("preparing, {} of {}", self.prepared, self.count);
        progress.step(step.clone());
        let report = |received, expected| progress.bytes(step.clone(), received, expected);
        let bundles = client.offline(batch, report);
        for bundle in bundles.map_err(|error| Failure::at(server, &error))? {
            self.store.put(client.plan(), bundle)?;
            self.prepared += 1;
        }
        self.waiting = self.store.count(client.plan())?;
        Ok(())
    }

    /// What there is now, and what it has cost.
    pub(crate) fn done(&self, offline: Phase) -> Prepared {
        Prepared { prepared: self.prepared, waiting: self.waiting, offline }
    }
}
