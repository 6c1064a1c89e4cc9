//! The command `gazelle`: private classification between two processes.

#![forbid(unsafe_code)]

mod args;
mod bench;
mod bundled;
mod classify;
mod connection;
mod demo;
mod eval;
mod failure;
mod files;
mod import;
mod inspect;
mod keygen;
mod outcome;
mod output;
mod prepare;
mod progress;
mod serve;
mod server_process;
mod store;
mod table;

use args::{Args, Command};
use clap::Parser;
use failure::Result;
use std::process::ExitCode;

/// The exit codes: 0, 1 for a failure, 2 for a command line that cannot be run.
const FAILED: u8 = 1;
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let command = match Args::try_parse() {
        Ok(args) => args.command,
        Err(error) => return refuse(&error),
    };
    end(run(command))
}

fn end(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("gazelle: {failure}");
            ExitCode::from(FAILED)
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Demo(args) => demo::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Classify(args) => classify::run(&args),
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
        return end(output::line(error.to_string().trim_end()));
    }
    let text = error.to_string();
    let message: Vec<&str> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:"))
        .filter(|line| !line.is_empty() && !line.starts_with("For more information"))
        .collect();
    let message = message.join(" ");
    eprintln!("gazelle: {}; try --help", message.trim_start_matches("error: "));
    ExitCode::from(USAGE)
}
