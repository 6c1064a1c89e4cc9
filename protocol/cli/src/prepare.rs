//! `gazelle prepare`: inferences ahead of time, for images that nobody has seen yet.

use crate::{
    args::{PatienceArgs, TermsArgs, model_name},
    classify,
    connection::{Road, RoadArgs, Wish},
    failure::{Failure, Result},
    hints, output,
    progress::Progress,
    store::StoreArgs,
};
use gazelle_protocol::session::{Client, Phase};
use gazelle_service::bundles::ClientStore;
use serde::Serialize;

#[derive(Debug, clap::Args)]
pub(crate) struct PrepareArgs {
    /// The server's address
    #[arg(long, value_name = "ADDR", default_value = crate::args::DEFAULT_ADDRESS, value_parser = crate::parse::server)]
    pub(crate) server: String,
    #[command(flatten)]
    pub(crate) road: RoadArgs,
    /// Which of the server's models to prepare for
    #[arg(long, value_name = "NAME", value_parser = model_name)]
    pub(crate) model: Option<String>,
    /// How many inferences to prepare
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) count: u32,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    #[command(flatten)]
    pub(crate) terms: TermsArgs,
    #[command(flatten)]
    pub(crate) patience: PatienceArgs,
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
    let store = args.store.open(&args.server)?;
    let store = store.ok_or_else(|| Failure::new("give --store DIR, where they are to wait"))?;
    let road = Road::new(&args.road)?;
    let progress = Progress::start("set-up");
    let wish = Wish { model: args.model.as_deref(), keep: true };
    let channel = road.open(&args.server, wish, args.patience.patience(), None)?;
    let client = classify::set_up(channel, &args.server, &args.terms.terms())?;
    let mut client = hints::cached(client);
    let (done, end) = prepare_all(&mut client, args, &store, &progress);
    let waiting = store.count(client.plan())?;
    let offline = client.statistics().offline;
    // What is stored is stored, whether or not the server hears the farewell.
    let _ = client.close();
    drop(progress);
    if args.json {
        let report = Report { prepared: done, waiting, offline };
        output::raw(serde_json::to_string(&report).expect("numbers are JSON"))?;
    } else {
        output::line(format_args!("{done} prepared; {waiting} wait for this model"))?;
    }
    end
}

/// Prepares and stores; how many, and how it ended.
fn prepare_all(
    client: &mut Client,
    args: &PrepareArgs,
    store: &ClientStore,
    progress: &Progress,
) -> (usize, Result<()>) {
    let (mut done, count) = (0, args.count as usize);
    while done < count {
        let together = (1..=TOGETHER.min(count - done)).rev();
        let batch = together.into_iter().find(|&batch| client.check_count(batch).is_ok());
        let step = format!("preparing, {done} of {count}");
        progress.step(step.clone());
        let report = |received, expected| progress.bytes(step.clone(), received, expected);
        let bundles = match client.offline(batch.unwrap_or(1), report) {
            Ok(bundles) => bundles,
            Err(error) => return (done, Err(Failure::at(&args.server, &error))),
        };
        for bundle in bundles {
            if let Err(error) = store.put(client.plan(), bundle) {
                return (done, Err(error.into()));
            }
            done += 1;
        }
    }
    (done, Ok(()))
}
