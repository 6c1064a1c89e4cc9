//! The command line: all commands, and arguments that several of them share. Those of `prepare` and
//! `keygen` stand in the modules of these commands.
//!
//! - `serve`: the server's arguments;
//! - `client`: `classify`, and what a client asks of a server;
//! - `model`: `inspect`, `import`, `eval` and `bench`;
//! - `names`: words that stand for what there is to choose from.

mod client;
mod model;
mod names;
mod serve;

pub(crate) use client::{ClassifyArgs, SessionArgs};
pub(crate) use model::{BenchArgs, CalibrationRule, EvalArgs, ImportArgs, InspectArgs};
pub(crate) use names::{
    EngineName, ErrorsName, HashName, LinearName, NetworkName, RevealName, TablesName,
    TransfersName,
};
pub(crate) use serve::{ConfigCommand, ModelArgs, ServeArgs};

use crate::{hint::HintCommand, keygen::KeygenArgs, prepare::PrepareArgs};
use clap::{Parser, Subcommand};
use clap_complete::Shell;
use gazelle_protocol::{Link, session::Settings, transport::Patience, wire::Access};
use std::{path::PathBuf, time::Duration};

/// Private classification: the server never sees the image, the client never sees the weights.
#[derive(Debug, Parser)]
#[command(name = "gazelle", version, after_help = EXIT_CODES, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command's exit says.
const EXIT_CODES: &str = "\
Exit codes: 0; 1 for a failure; 2 for a command line that cannot be run; 3 if the server refuses and says \
why; 4 if the server cannot be reached or the connection fails, when another try may help.";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Classify a bundled picture between a server and a client on this machine
    Demo(DemoArgs),
    /// Classify for clients over the network, without seeing their images
    #[command(args_override_self = true)]
    Serve(Box<ServeArgs>),
    /// Look at a server's configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Have images classified by a server, without showing them
    Classify(ClassifyArgs),
    /// Prepare inferences ahead of time, so that images need the online phase alone
    Prepare(PrepareArgs),
    /// Make certificates and tokens for a server and its clients
    Keygen(KeygenArgs),
    /// Show a model's layers and what each costs, before anything runs
    Inspect(InspectArgs),
    /// Make hints ahead, and look at them
    #[command(subcommand)]
    Hint(HintCommand),
    /// Turn a trained ONNX network into a model file
    Import(ImportArgs),
    /// Measure a model's accuracy on labelled images, in the clear
    Eval(EvalArgs),
    /// Measure a network between two processes on this machine
    Bench(BenchArgs),
    /// Print what completes this program's command line in a shell
    Completions {
        /// The shell
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
    /// Write man pages
    Man {
        /// The folder that they go to
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// Classify this PNG or JPEG file instead of the bundled picture
    #[arg(long, value_name = "FILE")]
    pub(crate) image: Option<PathBuf>,
    /// Which bundled network to use
    #[arg(long, value_enum, value_name = "NAME", default_value_t)]
    pub(crate) network: NetworkName,
    /// What the client learns, and what is compared with the plaintext network
    #[arg(long, value_enum, value_name = "WHAT", default_value_t)]
    pub(crate) reveal: RevealName,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) const DEFAULT_ADDRESS: &str = "127.0.0.1:7464";

/// The most threads that a process may be told to use.
const MAX_THREADS: i64 = 1024;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct PatienceArgs {
    /// Give up on a peer that is silent for this long in the middle of a phase, or needs as long for
    /// 4 MiB
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = seconds())]
    pub(crate) timeout: u64,
    /// Give up on a peer with which the set-up takes longer than this, from the connection on
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = seconds())]
    pub(crate) setup_timeout: u64,
}

impl PatienceArgs {
    pub(crate) fn patience(&self) -> Patience {
        Patience {
            setup: Duration::from_secs(self.setup_timeout),
            ..Duration::from_secs(self.timeout).into()
        }
    }
}

/// How activations and linear maps are planned.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct EngineArgs {
    /// What computes activations; those that it does not compute are garbled
    #[arg(long, value_enum, value_name = "ENGINE", default_value_t)]
    pub(crate) engine: EngineName,
    /// What computes linear maps: coefficient unless told otherwise, auto in a bench, hint in `gazelle hint` and
    /// with `serve --hint`. A hint tells nothing
    /// to whoever cannot break ring-LWE; whoever keeps a copy may wait for the day when somebody can
    #[arg(long, value_enum, value_name = "ENGINE")]
    pub(crate) linear: Option<LinearName>,
    /// What a second of the offline phase counts when an engine is chosen, in hundredths of one online:
    /// 100 if inferences are prepared while somebody waits
    #[arg(long, value_name = "PERCENT", default_value_t = 20, value_parser = clap::value_parser!(u8).range(..=100))]
    pub(crate) offline_weight: u8,
    /// Where activations by masks take their transfers from
    #[arg(long, value_enum, value_name = "SOURCE", default_value_t)]
    pub(crate) transfers: TransfersName,
    /// How many images a client is expected to classify with one hint: for few of them the hint is made
    /// smaller, and what each image sends larger
    #[arg(long, value_name = "IMAGES", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) hint_images: u16,
    /// When results of linear maps with a hint may be wrong
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    pub(crate) hint_errors: ErrorsName,
}

impl EngineArgs {
    /// The settings for a link.
    pub(crate) fn settings(self, link: Link) -> Settings {
        let (activations, transfers) = (self.engine.into(), self.transfers.into());
        let linear = self.linear.unwrap_or(LinearName::Coefficient).into();
        let (images, exactness) = (self.hint_images, self.hint_errors.into());
        let offline_percent = self.offline_weight;
        let maps = Settings { linear, images, exactness, ..Settings::for_link(link) };
        Settings { activations, offline_percent, transfers, ..maps }
    }
}

/// A name that fits a request.
pub(crate) fn model_name(text: &str) -> Result<String, String> {
    match text.len() {
        1..=Access::MAX_NAME => Ok(text.into()),
        _ => Err(format!("a model's name has 1 to {} bytes", Access::MAX_NAME)),
    }
}

/// Any time but none.
fn seconds() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(1..)
}

/// Mebibytes: some, and no more than fit a machine of today many times.
fn memory() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(1..=1 << 32)
}

/// The bytes of so many mebibytes, which [`memory`] has checked.
pub(crate) fn mebibytes(count: u64) -> u64 {
    count << 20
}
