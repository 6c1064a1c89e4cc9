//! The models of a server, by name and version.

use crate::{
    args::{EngineArgs, LinearName, ServeArgs, mebibytes},
    config::Config,
    failure::{Failure, Result, While},
    files,
    hint::key_of,
};
use gazelle_protocol::{
    model::Network,
    session::{Capacity, Server, Settings, Totals},
};
use std::{fs, num::NonZeroU16, path::Path, sync::Arc};
use zeroize::Zeroizing;

/// A model that is served.
pub(super) struct Model {
    pub(super) name: String,
    pub(super) version: Option<String>,
    pub(super) server: Server,
}

impl Model {
    /// What the log calls it, and a client may.
    pub(super) fn full_name(&self) -> String {
        match &self.version {
            Some(version) => format!("{}@{version}", self.name),
            None => self.name.clone(),
        }
    }
}

/// All of them, in the order of the configuration.
pub(super) struct Models(Vec<Arc<Model>>);

impl Models {
    pub(super) fn load(args: &ServeArgs, totals: &Arc<Totals>) -> Result<Self> {
        let entries = match &args.config {
            Some(path) => Config::read(path)?.models,
            None => Vec::new(),
        };
        let mut models = Vec::new();
        for entry in entries {
            let network = files::read_network(&entry.file)?;
            let images = entry.hint_images.map_or(args.engine.hint_images, NonZeroU16::get);
            let engine = EngineArgs { hint_images: images, ..args.engine };
            let server = start(args, engine, network, entry.hint.as_deref(), totals)?;
            let (name, version) = (entry.name, entry.version);
            models.push(Arc::new(Model { name, version, server }));
        }
        if args.model.is_given() {
            let network = args.model.network()?;
            let name = network.card().name.clone();
            let server = start(args, args.engine, network, args.hint.as_deref(), totals)?;
            models.push(Arc::new(Model { name, version: None, server }));
        } else if args.hint.is_some() {
            return Err(Failure::new(
                "--hint is for --model; a model of the configuration has its hint in its [[model]]",
            ));
        }
        for (i, model) in models.iter().enumerate() {
            if models[..i].iter().any(|other| other.full_name() == model.full_name()) {
                let name = model.full_name();
                return Err(Failure::new(format!(
                    "there are two models {name}; give each a version"
                )));
            }
        }
        match models.is_empty() {
            true => {
                Err(Failure::new("no model: give --model FILE, or [[model]] in the configuration"))
            }
            false => Ok(Self(models)),
        }
    }

    /// The model that a client asks for: by name and version as in `chest@3`, by name the last one that
    /// is listed, or the first that it may have.
    pub(super) fn find(&self, asked: &str, permitted: Option<&[String]>) -> Option<&Arc<Model>> {
        let may = |model: &&Arc<Model>| permitted.is_none_or(|names| names.contains(&model.name));
        let mut models = self.0.iter().filter(may);
        match asked {
            "" => models.next(),
            _ => models.rfind(|model| model.name == asked || model.full_name() == asked),
        }
    }

    /// The names of those that a client may have.
    pub(super) fn names(&self, permitted: Option<&[String]>) -> String {
        let may = |model: &&Model| permitted.is_none_or(|names| names.contains(&model.name));
        let names = self.iter().filter(may).map(Model::full_name);
        names.collect::<Vec<_>>().join(", ")
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Model> {
        self.0.iter().map(Arc::as_ref)
    }

    /// Begins no phase any more.
    pub(super) fn close(&self) {
        self.iter().for_each(|model| model.server.close());
    }

    /// Online phases that run.
    pub(super) fn online_phases(&self) -> usize {
        self.iter().map(|model| model.server.online_phases()).sum()
    }
}

/// Serves a network, with a hint that was made ahead if there is one.
fn start(
    args: &ServeArgs,
    engine: EngineArgs,
    network: Network,
    hint: Option<&Path>,
    totals: &Arc<Totals>,
) -> Result<Server> {
    // Whoever has a hint wants it used.
    let linear = engine.linear.or(hint.map(|_| LinearName::Hint));
    let settings = Settings {
        hash: args.hash.into(),
        policy: args.reveal.into(),
        ..EngineArgs { linear, ..engine }.settings(args.link)
    };
    let settings = match args.tables {
        Some(tables) => Settings { tables: tables.into(), ..settings },
        None => settings.fitted(network.card())?,
    };
    let limits = &args.limits;
    let capacity =
        Capacity { client: mebibytes(limits.memory_per_client), total: mebibytes(limits.memory) };
    let server = match hint {
        None => Server::new(network, &settings)?,
        Some(path) => {
            let read = |path: &Path| fs::read(path).when(|| path.display().to_string());
            let (hint, key) = (read(path)?, Zeroizing::new(read(&key_of(path))?));
            Server::with_hint(network, &settings, hint, &key).when(|| path.display().to_string())?
        }
    };
    Ok(server.with_capacity(capacity).with_totals(Arc::clone(totals)))
}
