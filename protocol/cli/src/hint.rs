//! `gazelle hint`: hints that are made ahead, and what clients keep of them.

use crate::{
    args::{EngineArgs, LinearName},
    failure::{Failure, Result, While},
    files,
    hints::kept,
    output,
    table::{grouped, table},
};
use clap::Subcommand;
use gazelle_protocol::{
    Link,
    linear::hint::HintPlan,
    plan::{LinearPlan, NetworkPlan},
    session::{HintName, Server, Settings},
};
use serde::Serialize;
use std::{
    ffi::OsString,
    fmt, fs,
    io::Write,
    path::{Path, PathBuf},
};

/// What to do with a hint.
#[derive(Debug, Subcommand)]
pub(crate) enum HintCommand {
    /// Make the hint of a model ahead, for `serve --hint`, and the key that the server keeps
    Build(BuildArgs),
    /// Show a hint's name and bytes, and its layers if the model is given; without a file, the hints that
    /// this user's clients keep
    Inspect(InspectArgs),
}

/// A model, and how it is planned.
#[derive(Debug, clap::Args)]
pub(crate) struct PlanArgs {
    /// The link that plans are made for; `serve` must be told the same
    #[arg(long, value_name = "LINK", default_value = "lan")]
    link: Link,
    #[command(flatten)]
    engine: EngineArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct BuildArgs {
    /// The model file
    #[arg(value_name = "FILE")]
    model: PathBuf,
    /// Where the hint goes; the key goes to a file of this name with `.key` after it
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    plan: PlanArgs,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct InspectArgs {
    /// The hint
    #[arg(value_name = "FILE")]
    hint: Option<PathBuf>,
    /// Check that it is of this model, planned so, and show its layers
    #[arg(long, value_name = "FILE", requires = "hint")]
    model: Option<PathBuf>,
    #[command(flatten)]
    plan: PlanArgs,
    /// Print one JSON object a hint instead of text
    #[arg(long)]
    json: bool,
}

/// A hint, for people and programs.
#[derive(Serialize)]
struct Described {
    name: String,
    bytes: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    layers: Vec<DescribedLayer>,
}

/// The part of one linear map.
#[derive(Serialize)]
struct DescribedLayer {
    /// The map's number, from 1.
    map: usize,
    polynomials: usize,
    coefficient_bits: u32,
    bytes: usize,
    /// What clients send for it.
    message: String,
}

pub(crate) fn run(command: &HintCommand) -> Result<()> {
    match command {
        HintCommand::Build(args) => build(args),
        HintCommand::Inspect(args) => inspect(args),
    }
}

impl PlanArgs {
    /// With hints unless told otherwise.
    fn settings(&self) -> Settings {
        let linear = self.engine.linear.or(Some(LinearName::Hint));
        EngineArgs { linear, ..self.engine }.settings(self.link)
    }
}

fn build(args: &BuildArgs) -> Result<()> {
    let network = files::read_network(&args.model)?;
    for written in [&args.output, &key_of(&args.output)] {
        files::check_output(&args.model, written)?;
    }
    let settings = args.plan.settings().fitted(network.card())?;
    let server = Server::new(network, &settings)?;
    let (Some(hint), Some(key)) = (server.service().hint(), server.service().hint_key()) else {
        return Err(Failure::new("no linear map is planned with a hint; give --linear hint"));
    };
    // The key first: a hint without one would be of no use.
    write(&key_of(&args.output), &key)?;
    write(&args.output, hint.as_bytes())?;
    output::one(&describe(hint.name(), hint.as_bytes(), Some(server.plan())), args.json)
}

fn inspect(args: &InspectArgs) -> Result<()> {
    let Some(path) = &args.hint else {
        return kept().iter().try_for_each(|(name, bytes)| {
            output::one(&Described { name: name.clone(), bytes: *bytes, layers: vec![] }, args.json)
        });
    };
    let named = || path.display().to_string();
    let bytes = fs::read(path).when(named)?;
    let Some(model) = &args.model else {
        let name = HintName::of(&bytes).when(named)?;
        return output::one(&describe(&name, &bytes, None), args.json);
    };
    let network = files::read_network(model)?;
    let settings = args.plan.settings().fitted(network.card())?;
    let plan = NetworkPlan::new(network.card().clone(), &settings)?;
    let name = plan.check_hint(&bytes).when(named)?;
    output::one(&describe(&name, &bytes, Some(&plan)), args.json)
}

/// The file of a hint's key.
pub(crate) fn key_of(hint: &Path) -> PathBuf {
    let mut key = OsString::from(hint);
    key.push(".key");
    key.into()
}

/// Writes a file that nobody else may read, as a whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let write = || {
        let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map(|_| ()).map_err(|error| error.error)
    };
    write().when(|| format!("cannot write {}", path.display()))
}

fn describe(name: &HintName, bytes: &[u8], plan: Option<&NetworkPlan>) -> Described {
    let maps = plan.into_iter().flat_map(|plan| plan.linear().iter().enumerate());
    let layers = maps.filter_map(|(map, plan): (usize, &LinearPlan)| {
        let plan: &HintPlan = plan.hint()?;
        Some(DescribedLayer {
            map: map + 1,
            polynomials: plan.layer().outputs,
            coefficient_bits: plan.layer().format.hint_bits,
            bytes: plan.cost().hint_bytes,
            message: plan.layout(),
        })
    });
    Described { name: name.to_string(), bytes: bytes.len() as u64, layers: layers.collect() }
}

impl fmt::Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hint {}, {} bytes", self.name, grouped(self.bytes))?;
        if self.layers.is_empty() {
            return Ok(());
        }
        let headings = ["map", "polynomials", "bits a coefficient", "bytes", "message"];
        let row = |layer: &DescribedLayer| {
            let numbers = [layer.map as u64, layer.polynomials as u64];
            let [map, polynomials] = numbers.map(grouped);
            let bytes = grouped(layer.bytes as u64);
            [map, polynomials, layer.coefficient_bits.to_string(), bytes, layer.message.clone()]
        };
        let rows = [headings.map(String::from)].into_iter().chain(self.layers.iter().map(row));
        write!(f, "\n\n{}", table(&rows.collect::<Vec<_>>()).trim_end())
    }
}
