//! The command line.

use crate::{
    connection::ProtectionArgs,
    keygen::KeygenArgs,
    parse,
    pixel_args::PixelArgs,
    prepare::PrepareArgs,
    serve::{KeepingArgs, LogFormat},
    store::StoreArgs,
};
use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use gazelle_protocol::{
    Link,
    model::CardHash,
    plan::ActivationEngine,
    session::{Delivery, HashKind, Policy, Terms},
    transport::Patience,
    wire::Access,
};
use std::{net::SocketAddr, num::NonZeroUsize, path::PathBuf, time::Duration};

/// Private classification: the server never sees the image, the client never sees the weights.
#[derive(Debug, Parser)]
#[command(name = "gazelle", version, about, after_help = EXIT_CODES, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command's exit says.
const EXIT_CODES: &str = "Exit codes: 0, 1 for a failure, 2 for a command line that cannot be run.";

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

/// A model from a file, or one that comes with the program.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
pub(crate) struct ModelArgs {
    /// The model file, as `gazelle import` writes it
    #[arg(long, value_name = "FILE", required_unless_present_any = ["network", "config"])]
    pub(crate) model: Option<PathBuf>,
    /// A network that comes with this program
    #[arg(long, value_enum, value_name = "NAME")]
    pub(crate) network: Option<NetworkName>,
}

/// What to do with a server's configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Load everything that it names, and serve nobody
    Check {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
    /// Read flags and models from this file; the command line overrides it
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    /// Where to listen; port 0 takes a free one, which the first line of output names
    #[arg(long, value_name = "ADDR", default_value = DEFAULT_ADDRESS, value_parser = parse::address)]
    pub(crate) listen: SocketAddr,
    #[command(flatten)]
    pub(crate) protection: ProtectionArgs,
    /// Serve the clients in this file alone; clients.toml in the folder of --tls without it, and
    /// every client with a certificate where there is none
    #[arg(long, value_name = "FILE", conflicts_with_all = ["anyone", "plaintext"])]
    pub(crate) clients: Option<PathBuf>,
    /// Serve everyone who connects over TLS
    #[arg(long, conflicts_with = "plaintext")]
    pub(crate) anyone: bool,
    /// What clients learn
    #[arg(long, value_enum, value_name = "WHAT", default_value_t)]
    pub(crate) reveal: RevealName,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) keeping: KeepingArgs,
    /// The link that plans are made for: `lan`, `wan`, or bandwidth and round trip as in
    /// `100mbit,80ms`
    #[arg(long, value_name = "LINK", default_value = "lan")]
    pub(crate) link: Link,
    /// The hash that garbles
    #[arg(long, value_enum, value_name = "HASH", default_value_t)]
    pub(crate) hash: HashName,
    /// What computes activations; those that it does not compute are garbled
    #[arg(long, value_enum, value_name = "ENGINE", default_value_t)]
    pub(crate) engine: EngineName,
    /// When garbled tables go to clients; if this is not given, streamed where one inference's would
    /// take a client more than 1 GiB
    #[arg(long, value_enum, value_name = "WHEN")]
    pub(crate) tables: Option<TablesName>,
    /// Delay what is sent as that link would
    #[arg(long, hide = true)]
    pub(crate) simulate_link: bool,
    /// Threads for all clients together; 0 for one a processor
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=MAX_THREADS))]
    pub(crate) threads: u16,
    #[command(flatten)]
    pub(crate) patience: PatienceArgs,
    /// Answer /healthz, /readyz and /metrics at this address
    #[arg(long, value_name = "ADDR", value_parser = parse::address)]
    pub(crate) admin: Option<SocketAddr>,
    /// How the log is written
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(crate) log_format: LogFormat,
    /// Told to end, let online phases take this long
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(crate) grace: u64,
    /// Stop when standard input ends, as it does when the process that started this one is gone
    #[arg(long, hide = true)]
    pub(crate) until_stdin_ends: bool,
}

/// What clients may take from a server.
#[derive(Debug, clap::Args)]
pub(crate) struct LimitArgs {
    /// Serve at most this many clients at a time
    #[arg(long, value_name = "N", default_value = "8", value_parser = parse::count)]
    pub(crate) max_clients: NonZeroUsize,
    /// And at most this many from one address; half of them without it, and no limit for addresses of
    /// this machine
    #[arg(long, value_name = "N", value_parser = parse::count)]
    pub(crate) max_per_address: Option<NonZeroUsize>,
    /// Let prepared inferences wait for their images this long
    #[arg(long, value_name = "SECONDS", default_value_t = 4 * 3600, value_parser = seconds())]
    pub(crate) idle: u64,
    /// End a session after this long, whatever it does
    #[arg(long, value_name = "SECONDS", default_value_t = 24 * 3600, value_parser = seconds())]
    pub(crate) max_session: u64,
    /// Memory for queries and prepared inferences of all clients together
    #[arg(long, value_name = "MIB", default_value_t = 4096, value_parser = memory())]
    pub(crate) memory: u64,
    /// Memory for queries and prepared inferences of one client
    #[arg(long, value_name = "MIB", default_value_t = 512, value_parser = memory())]
    pub(crate) memory_per_client: u64,
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

#[derive(Debug, clap::Args)]
pub(crate) struct ClassifyArgs {
    /// The server's address
    #[arg(long, value_name = "ADDR", default_value = DEFAULT_ADDRESS, value_parser = parse::server)]
    pub(crate) server: String,
    #[command(flatten)]
    pub(crate) protection: ProtectionArgs,
    /// Which of the server's models to ask
    #[arg(long, value_name = "NAME", value_parser = model_name)]
    pub(crate) model: Option<String>,
    /// PNG or JPEG files; of the size that the model reads, unless it says how they are resized
    #[arg(required = true, value_name = "IMAGE")]
    pub(crate) images: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    #[command(flatten)]
    pub(crate) terms: TermsArgs,
    #[command(flatten)]
    pub(crate) patience: PatienceArgs,
    /// Print one JSON object for each image instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

/// The garbling's hashes by the names that benches use.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum HashName {
    /// One AES key for up to 128 instances of a gate
    #[default]
    Mitccrh,
    /// An AES key for every instance
    MitccrhStrict,
    /// One AES key for the session, the classic
    FixedKey,
}

impl From<HashName> for HashKind {
    fn from(name: HashName) -> Self {
        match name {
            HashName::Mitccrh => Self::Mitccrh,
            HashName::MitccrhStrict => Self::MitccrhStrict,
            HashName::FixedKey => Self::FixedKey,
        }
    }
}

/// The engines of activations.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum EngineName {
    /// Garbled circuits: one round trip a layer
    #[default]
    Garbled,
    /// Alternating masks: far fewer bytes, two round trips a layer
    Masks,
}

impl EngineName {
    /// Its name as an argument.
    pub(crate) fn name(self) -> &'static str {
        ActivationEngine::from(self).name()
    }
}

impl From<EngineName> for ActivationEngine {
    fn from(name: EngineName) -> Self {
        match name {
            EngineName::Garbled => Self::Garbled,
            EngineName::Masks => Self::Masks,
        }
    }
}

/// When garbled tables go to clients.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum TablesName {
    /// Before the image is known; clients keep them
    Ahead,
    /// As they are used; nobody keeps them
    Streamed,
}

impl From<TablesName> for Delivery {
    fn from(name: TablesName) -> Self {
        match name {
            TablesName::Ahead => Self::Ahead,
            TablesName::Streamed => Self::Streamed,
        }
    }
}

/// What clients learn.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum RevealName {
    /// What the model's card says
    #[default]
    Card,
    /// The class alone
    Class,
    /// The values of all classes, which tell more about the weights
    Values,
}

impl From<RevealName> for Policy {
    fn from(name: RevealName) -> Self {
        match name {
            RevealName::Card => Self::Card,
            RevealName::Class => Self::Class,
            RevealName::Values => Self::Values,
        }
    }
}

impl RevealName {
    /// As the command line spells it.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().expect("no name is hidden").get_name().into()
    }
}

pub(crate) const DEFAULT_ADDRESS: &str = "127.0.0.1:7464";

/// The most threads that a process may be told to use.
const MAX_THREADS: i64 = 1024;

/// What a client asks of a server.
#[derive(Debug, clap::Args)]
pub(crate) struct TermsArgs {
    /// Accept only the model with this card, as `gazelle serve` and `gazelle inspect` print it
    #[arg(long, value_name = "HASH")]
    pub(crate) card: Option<CardHash>,
    /// Refuse a model whose inference takes more of this machine's memory
    #[arg(long, value_name = "MIB", default_value_t = 4096, value_parser = memory())]
    pub(crate) max_memory: u64,
    /// Refuse a model whose inference receives more
    #[arg(long, value_name = "MIB", default_value_t = 8192, value_parser = memory())]
    pub(crate) max_download: u64,
}

impl TermsArgs {
    pub(crate) fn terms(&self) -> Terms {
        Terms {
            card: self.card,
            memory: mebibytes(self.max_memory),
            download: mebibytes(self.max_download),
        }
    }
}

#[derive(Debug, clap::Args)]
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

#[derive(Debug, clap::Args)]
pub(crate) struct InspectArgs {
    /// The model file
    #[arg(value_name = "FILE")]
    pub(crate) model: PathBuf,
    /// The link that plans are made for: `lan`, `wan`, or bandwidth and round trip as in
    /// `100mbit,80ms`
    #[arg(long, value_name = "LINK", default_value = "lan")]
    pub(crate) link: Link,
    /// What the server is to reveal
    #[arg(long, value_enum, value_name = "WHAT", default_value_t)]
    pub(crate) reveal: RevealName,
    /// What computes activations; those that it does not compute are garbled
    #[arg(long, value_enum, value_name = "ENGINE", default_value_t)]
    pub(crate) engine: EngineName,
    /// Show each layer's other plans and their prices too
    #[arg(long)]
    pub(crate) alternatives: bool,
    /// Show the bits of security of an inference and of a session too
    #[arg(long)]
    pub(crate) security: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ImportArgs {
    /// The network, as PyTorch exports it
    #[arg(value_name = "FILE.onnx")]
    pub(crate) onnx: PathBuf,
    /// Images like those to be classified: a folder of PNG and JPEG files, or an IDX file
    #[arg(long, value_name = "DIR|FILE")]
    pub(crate) calibrate: PathBuf,
    /// The model file to write
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Measure accuracy on these images: a folder with a folder for each class, or an IDX file
    #[arg(long, value_name = "DIR|FILE")]
    pub(crate) test: Option<PathBuf>,
    /// The labels of --test, if that is an IDX file
    #[arg(long, value_name = "FILE", requires = "test")]
    pub(crate) labels: Option<PathBuf>,
    /// The classes' names, in order
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub(crate) classes: Vec<String>,
    /// The network's name; the file's without it
    #[arg(long)]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) pixels: PixelArgs,
    /// Bits of every weight, instead of what is chosen for each layer
    #[arg(long, value_name = "BITS", value_parser = clap::value_parser!(u32).range(2..=12))]
    pub(crate) weight_bits: Option<u32>,
    /// How an activation's range is chosen
    #[arg(long, value_enum, value_name = "RULE", default_value_t)]
    pub(crate) calibration: CalibrationRule,
}

/// How an activation's range is chosen from the values on the calibration images.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum CalibrationRule {
    /// All values
    #[default]
    Max,
    /// All but the largest of ten thousand
    Percentile,
    /// The range with the least mean squared error
    Mse,
}

#[derive(Debug, clap::Args)]
pub(crate) struct EvalArgs {
    /// The model file
    #[arg(value_name = "FILE")]
    pub(crate) model: PathBuf,
    /// Labelled images: a folder with a folder for each class, or an IDX file
    #[arg(long, value_name = "DIR|FILE")]
    pub(crate) images: PathBuf,
    /// The labels, if --images is an IDX file
    #[arg(long, value_name = "FILE")]
    pub(crate) labels: Option<PathBuf>,
    /// Measure the ONNX network that the model was imported from too
    #[arg(long, value_name = "FILE.onnx")]
    pub(crate) onnx: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) pixels: PixelArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct BenchArgs {
    /// A network with random weights (a, b, c, d or cifar10 of GAZELLE's paper, resnet20,
    /// resnet18-28, mobilenet, squeezenet, resnet18 or resnet50), fashion-mnist or pneumonia,
    /// which come with this program, a model file or an ONNX file
    #[arg(long, value_name = "NAME|FILE", default_value = "d")]
    pub(crate) network: String,
    /// Images prepared together in one offline phase
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=64))]
    pub(crate) images: u64,
    /// Runs whose median counts, after one that does not
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(crate) runs: u64,
    /// Plan for a link and simulate it: `lan`, `wan`, or bandwidth and round trip as in
    /// `100mbit,80ms`; without it, loopback
    #[arg(long, value_name = "LINK")]
    pub(crate) link: Option<Link>,
    /// What computes activations; those that it does not compute are garbled
    #[arg(long, value_enum, value_name = "ENGINE", default_value_t)]
    pub(crate) engine: EngineName,
    /// Threads of each party; 0 for one a processor
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=MAX_THREADS))]
    pub(crate) threads: u16,
    /// Show every layer
    #[arg(long)]
    pub(crate) layers: bool,
    /// Draw the layers' seconds and bytes to this SVG file
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
    /// Measure network d with 1, 2, 4 and 8 times its maps instead, and draw how time grows
    #[arg(long, value_name = "FILE", conflicts_with_all = ["network", "plot"])]
    pub(crate) scaling: Option<PathBuf>,
    /// Print one JSON object a network instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

/// A bundled network.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum NetworkName {
    /// Ten kinds of clothing, 28 × 28 grey pixels
    #[default]
    FashionMnist,
    /// The same by ResNet-20, slower and more often right
    #[value(name = "resnet20")]
    ResNet20,
    /// The same by a small MobileNetV2
    #[value(name = "mobilenet")]
    MobileNet,
    /// Chest X-rays with pneumonia or without, 28 × 28 grey pixels; a demonstration, no diagnosis
    Pneumonia,
}
