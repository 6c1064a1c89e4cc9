//! The arguments of `serve` and `config`.

use super::{
    DEFAULT_ADDRESS, EngineArgs, HashName, MAX_THREADS, NetworkName, PatienceArgs, RevealName,
    TablesName, memory, seconds,
};
use crate::{
    connection::ProtectionArgs,
    parse,
    serve::{KeepingArgs, LogFormat},
};
use clap::Subcommand;
use gazelle_protocol::Link;
use gazelle_service::websocket::Origin;
use std::{net::SocketAddr, num::NonZeroUsize, path::PathBuf};

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
    /// Serve WebSockets of pages from these places too, as in `https://chest.example.org`
    #[arg(long, value_name = "ORIGIN,…", value_delimiter = ',')]
    pub(crate) origins: Vec<Origin>,
    /// Give browsers a page that classifies pictures with the client in it, at this server's address
    #[arg(long)]
    pub(crate) web: bool,
    /// What clients learn
    #[arg(long, value_enum, value_name = "WHAT", default_value_t)]
    pub(crate) reveal: RevealName,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) keeping: KeepingArgs,
    /// The link that plans are made for: `loopback`, `lan`, `wan`, or bandwidth and round trip as in
    /// `100mbit,80ms` or, with the client's bandwidth first, `20mbit/100mbit,30ms`
    #[arg(long, value_name = "LINK", default_value = "lan")]
    pub(crate) link: Link,
    /// The hash that garbles
    #[arg(long, value_enum, value_name = "HASH", default_value_t)]
    pub(crate) hash: HashName,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
    /// Publish this hint for --model, as `gazelle hint build` makes it, instead of a new one at each start;
    /// its key lies beside it
    #[arg(long, value_name = "FILE")]
    pub(crate) hint: Option<PathBuf>,
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

/// What to do with a server's configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Load everything that it names, and serve nobody
    Check {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Print one JSON object instead of text
        #[arg(long)]
        json: bool,
    },
}
