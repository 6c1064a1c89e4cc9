//! The program `gazelle`.

#![forbid(unsafe_code)]

use gazelle_cli::Invocation;
use std::process::ExitCode;

fn main() -> ExitCode {
    gazelle_cli::main(Invocation::of_this_process()).into()
}
