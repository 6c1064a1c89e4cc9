//! The arguments of `classify`, and the terms of all clients.

use super::{DEFAULT_ADDRESS, PatienceArgs, mebibytes, memory, model_name};
use crate::{asking::AskArgs, connection::RoadArgs, parse, retry::RetryArgs};
use gazelle_protocol::{model::CardHash, session::Terms};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(crate) struct ClassifyArgs {
    #[command(flatten)]
    pub(crate) ask: AskArgs,
    /// PNG or JPEG files; of the size that the model reads, unless it says how they are resized
    #[arg(required = true, value_name = "IMAGE")]
    pub(crate) images: Vec<PathBuf>,
    /// Print one JSON object for each image instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

/// Whom a client asks, and how.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SessionArgs {
    /// The server's address
    #[arg(long, value_name = "ADDR", default_value = DEFAULT_ADDRESS, value_parser = parse::server)]
    pub(crate) server: String,
    #[command(flatten)]
    pub(crate) road: RoadArgs,
    /// Which of the server's models to ask
    #[arg(long, value_name = "NAME", value_parser = model_name)]
    pub(crate) model: Option<String>,
    #[command(flatten)]
    pub(crate) terms: TermsArgs,
    #[command(flatten)]
    pub(crate) patience: PatienceArgs,
    #[command(flatten)]
    pub(crate) retry: RetryArgs,
}

/// What a client asks of a server.
#[derive(Clone, Debug, clap::Args)]
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
    /// Refuse transfers that assume that learning parity with noise is hard
    #[arg(long)]
    pub(crate) no_lpn: bool,
}

impl TermsArgs {
    pub(crate) fn terms(&self) -> Terms {
        Terms {
            card: self.card,
            memory: mebibytes(self.max_memory),
            download: mebibytes(self.max_download),
            lpn: !self.no_lpn,
        }
    }
}
