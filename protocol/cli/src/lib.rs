//! The command `gazelle`: private classification between two processes. [`main`] is the command;
//! [`parts`] has what programs in other languages call.

#![forbid(unsafe_code)]

mod args;
mod asking;
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
mod hint;
mod hints;
mod import;
mod inspect;
mod invocation;
mod keygen;
mod outcome;
mod output;
mod parse;
pub mod parts;
mod pixel_args;
mod prepare;
mod progress;
mod retry;
mod serve;
mod server_process;
mod sessions;
mod store;
mod table;

pub use asking::Asking;
pub use connection::Line;
pub use failure::{Cause, Failure, Result};
pub use invocation::Invocation;
pub use prepare::Prepared;
pub use progress::Stop;

use args::{Args, Command, ConfigCommand};
use clap::{Parser, error::ErrorKind};
use gazelle_kernels::memory::keep_freed;
use gazelle_protocol::printable;
use std::io::{self, Write};

/// Freed memory that stays with the process: what an inference with a large network takes, which the
/// next one takes again.
const KEPT_MEMORY: usize = 512 << 20;

/// Runs the command; its exit code.
pub fn main(invocation: Invocation) -> u8 {
    keep_memory();
    match config::expand(invocation.remember().line()).map(Args::try_parse_from) {
        Ok(Ok(args)) => end(run(args.command)),
        Ok(Err(error)) => refuse(&error),
        Err(failure) => end(Err(failure)),
    }
}

/// Lets the process keep memory that it frees, up to 512 MiB of each heap, for the next inference.
pub fn keep_memory() {
    // Elsewhere it is slower.
    let _ = keep_freed(KEPT_MEMORY);
}

fn end(result: Result<()>) -> u8 {
    match result {
        Ok(()) | Err(Failure::ReaderLeft) => 0,
        Err(failure) => {
            output::aside(printable(&failure.to_string().replace('\n', " ")));
            failure.code()
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
        Command::Hint(command) => hint::run(&command),
        Command::Inspect(args) => inspect::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Bench(args) => bench::run(&args),
    }
}

/// Help and version go out as they are; a usage error becomes one line.
fn refuse(error: &clap::Error) -> u8 {
    if !error.use_stderr() {
        return end(output::raw(error.to_string().trim_end()));
    }
    match error.kind() {
        // Who says nothing is shown what there is to say.
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = write!(io::stderr(), "{error}");
        }
        _ => output::aside(format_args!("{}; try --help", printable(&config::one_line(error)))),
    }
    Cause::Usage.code()
}
