//! The command `gazelle`: private classification between two processes.

#![forbid(unsafe_code)]

mod args;
mod bench;
mod bundled;
mod card;
mod classify;
mod config;
mod connection;
mod demo;
mod eval;
mod failure;
mod files;
mod generate;
mod hints;
mod import;
mod inspect;
mod keygen;
mod outcome;
mod output;
mod parse;
mod pixel_args;
mod prepare;
mod progress;
mod retry;
mod serve;
mod server_process;
mod sessions;
mod store;
mod table;

use args::{Args, Command, ConfigCommand};
use clap::{Parser, error::ErrorKind};
use failure::{Failure, Result};
use gazelle_kernels::memory::keep_freed;
use gazelle_protocol::printable;
use std::process::ExitCode;

/// The exit code of a command line that cannot be run; those of failures are in [`failure::Cause`].
const USAGE: u8 = 2;

/// Freed memory that stays with the process: what an inference with a large network takes, which the
/// next one takes again.
const KEPT_MEMORY: usize = 512 << 20;

fn main() -> ExitCode {
    // Elsewhere it is slower.
    let _ = keep_freed(KEPT_MEMORY);
    let arguments = match config::expand(std::env::args_os().collect()) {
        Ok(arguments) => arguments,
        Err(failure) => return end(Err(failure)),
    };
    match Args::try_parse_from(arguments) {
        Ok(args) => end(run(args.command)),
        Err(error) => refuse(&error),
    }
}

fn end(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) | Err(Failure::ReaderLeft) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("gazelle: {}", printable(&failure.to_string().replace('\n', " ")));
            ExitCode::from(failure.code())
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Demo(args) => demo::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Classify(args) => classify::run(&args),
        Command::Config(ConfigCommand::Check { file, json }) => {
            output::one(&serve::check(&config::of_config(&file)?)?, json)
        }
        Command::Completions { shell } => generate::completions(shell),
        Command::Man { folder } => generate::man(&folder),
        Command::Prepare(args) => prepare::run(&args),
        Command::Keygen(args) => keygen::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Bench(args) => bench::run(&args),
    }
}

/// Help and version go out as they are; a usage error becomes one line.
fn refuse(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        return end(output::raw(error.to_string().trim_end()));
    }
    match error.kind() {
        // Who says nothing is shown what there is to say.
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => eprint!("{error}"),
        _ => eprintln!("gazelle: {}; try --help", printable(&config::one_line(error))),
    }
    ExitCode::from(USAGE)
}
