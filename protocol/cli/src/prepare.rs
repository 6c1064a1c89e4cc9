//! `gazelle prepare`: inferences ahead of time, for images that nobody has seen yet.

use crate::{
    args::SessionArgs,
    failure::{Failure, Result},
    output,
    sessions::Sessions,
    store::StoreArgs,
};
use gazelle_protocol::session::Phase;
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

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    prepared: usize,
    waiting: usize,
    offline: Phase,
}

/// Inferences that are prepared together, if there is room for them: the server visits its weights
/// once for all of them.
const TOGETHER: usize = 8;

pub(crate) fn run(args: &PrepareArgs) -> Result<()> {
    let store = args.store.open(args.classify_at.as_ref().unwrap_or(&args.session.server))?;
    let store = store.ok_or_else(|| Failure::new("give --store DIR, where they are to wait"))?;
    let mut sessions = Sessions::begin(&args.session, true)?;
    let waiting = store.count(sessions.current().0.plan())?;
    let mut work = Work { args, store: &store, prepared: 0, waiting };
    let end = work.prepare_all(&mut sessions);
    let Work { prepared, waiting, .. } = work;
    let offline = sessions.end().offline;
    if args.json {
        let report = Report { prepared, waiting, offline };
        output::raw(serde_json::to_string(&report).expect("numbers are JSON"))?;
    } else {
        output::line(format_args!("{prepared} prepared; {waiting} wait for this model"))?;
    }
    end
}

/// What is to be prepared, and how much is.
struct Work<'a> {
    args: &'a PrepareArgs,
    store: &'a ClientStore,
    prepared: usize,
    /// Those of earlier times too.
    waiting: usize,
}

impl Work<'_> {
    /// Prepares and stores all of them, in as many sessions as it takes.
    fn prepare_all(&mut self, sessions: &mut Sessions<'_>) -> Result<()> {
        while self.prepared < self.args.count as usize {
            match self.prepare_some(sessions) {
                Ok(()) => sessions.succeeded(),
                Err(failure) => sessions.begin_after(failure)?,
            }
        }
        Ok(())
    }

    /// As many as go together.
    fn prepare_some(&mut self, sessions: &mut Sessions<'_>) -> Result<()> {
        let count = self.args.count as usize;
        let (client, progress) = sessions.current();
        let together = (1..=TOGETHER.min(count - self.prepared)).rev();
        let batch = together.into_iter().find(|&batch| client.check_count(batch).is_ok());
        let step = format!("preparing, {} of {count}", self.prepared);
        progress.step(step.clone());
        let report = |received, expected| progress.bytes(step.clone(), received, expected);
        let bundles = client.offline(batch.unwrap_or(1), report);
        for bundle in bundles.map_err(|error| Failure::at(&self.args.session.server, &error))? {
            self.store.put(client.plan(), bundle)?;
            self.prepared += 1;
        }
        self.waiting = self.store.count(client.plan())?;
        Ok(())
    }
}
