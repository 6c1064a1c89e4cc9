//! `gazelle.toml`: the flags of `gazelle serve`, and its models, in a file.
//!
//! Every key is the flag of that name, so that there is one list of settings, and one place that checks
//! them. What stands on the command line comes after the file, and overrides it.

use crate::{
    args::{Args, Command, ServeArgs},
    failure::{Failure, Result, While},
    invocation::Invocation,
};
use clap::Parser;
use serde::Deserialize;
use std::{
    ffi::OsString,
    num::NonZeroU16,
    path::{Path, PathBuf},
};
use toml::{Table, Value};

/// Keys whose values are files or folders: they count from the file's folder.
const PATHS: [&str; 6] = ["clients", "hint", "model", "store", "store-key", "tls"];

/// A model in the file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ModelEntry {
    /// What clients ask for.
    pub(crate) name: String,
    /// What tells it from others of its name.
    pub(crate) version: Option<String>,
    /// The model file.
    pub(crate) file: PathBuf,
    /// A hint that was made ahead.
    pub(crate) hint: Option<PathBuf>,
    /// How many images a client is expected to classify with one hint, if not as many as for the others.
    pub(crate) hint_images: Option<NonZeroU16>,
}

/// What a file says.
pub(crate) struct Config {
    flags: Vec<OsString>,
    pub(crate) models: Vec<ModelEntry>,
}

impl Config {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let named = || path.display().to_string();
        let table: Table = gazelle_service::read_toml(path)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut config = Self { flags: Vec::new(), models: Vec::new() };
        for (key, value) in table {
            match value {
                Value::Array(_) if key == "model" => {
                    let models: std::result::Result<_, toml::de::Error> = value.try_into();
                    let models = models.map_err(|error| error.message().replace('\n', " "));
                    config.models = models.when(|| format!("{}: model", named()))?;
                }
                value => config.flags.extend(flag(&key, value, folder).when(named)?),
            }
        }
        for model in &mut config.models {
            model.file = folder.join(&model.file);
            model.hint = model.hint.as_ref().map(|hint| folder.join(hint));
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            let names = [Some(&model.name), model.version.as_ref()];
            if !names.into_iter().flatten().all(|s| !s.is_empty() && s.chars().all(plain)) {
                let problem = "a model's name and version have letters, digits and -_. alone";
                return Err(Failure::new(format!("{}: {}: {problem}", named(), model.name)));
            }
        }
        Ok(config)
    }
}

/// The flag of a key.
fn flag(key: &str, value: Value, folder: &Path) -> std::result::Result<Option<OsString>, String> {
    let text = match value {
        Value::Boolean(set) => return Ok(set.then(|| format!("--{key}").into())),
        Value::String(text) if PATHS.contains(&key) && !text.contains("://") => {
            let mut flag = OsString::from(format!("--{key}="));
            flag.push(folder.join(text));
            return Ok(Some(flag));
        }
        Value::String(text) => text,
        Value::Integer(number) => number.to_string(),
        _ => return Err(format!("`{key}` is a text, a number, true or false")),
    };
    match key {
        "config" => Err("`config` is no key of the file itself".into()),
        _ => Ok(Some(format!("--{key}={text}").into())),
    }
}

/// The command line, with the flags of the file of `serve --config FILE` before its own.
pub(crate) fn expand(arguments: Vec<OsString>) -> Result<Vec<OsString>> {
    let is = |i: usize, word: &str| arguments.get(i).is_some_and(|argument| argument == word);
    let rest = if is(1, "serve") { 2 } else { return Ok(arguments) };
    let Some(path) = config_flag(&arguments[rest..]) else { return Ok(arguments) };
    let config = Config::read(&path)?;
    Ok([&arguments[..rest], &config.flags, &arguments[rest..]].concat())
}

/// The command line of this process once more, with what its configuration says by now; `serve`'s.
pub(crate) fn again() -> Result<ServeArgs> {
    of_serve(Invocation::get().line())
}

/// The settings of `gazelle serve --config FILE`.
pub(crate) fn of_config(file: &Path) -> Result<ServeArgs> {
    of_serve(["gazelle".into(), "serve".into(), "--config".into(), file.into()].to_vec())
}

fn of_serve(arguments: Vec<OsString>) -> Result<ServeArgs> {
    match Args::try_parse_from(expand(arguments)?) {
        Ok(Args { command: Command::Serve(args) }) => Ok(*args),
        Ok(_) => Err(Failure::new("this is no server")),
        Err(error) => Err(Failure::new(one_line(&error))),
    }
}

/// What clap says in several lines, in one.
pub(crate) fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let message: Vec<&str> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:"))
        .filter(|line| !line.is_empty() && !line.starts_with("For more information"))
        .collect();
    // A hint is a sentence of its own.
    message.join(" ").replace(" tip:", "; tip:").trim_start_matches("error: ").to_string()
}

/// The value of `--config`, wherever it stands.
fn config_flag(arguments: &[OsString]) -> Option<PathBuf> {
    let at = arguments.iter().position(|argument| argument == "--config");
    let apart = at.and_then(|at| arguments.get(at + 1)).map(PathBuf::from);
    let prefix = "--config=";
    let joined = arguments.iter().filter_map(|argument| argument.to_str()?.strip_prefix(prefix));
    apart.or_else(|| joined.map(PathBuf::from).next())
}
