//! Standard output and standard error, whose readers may leave early.

use crate::failure::{Failure, Result, While};
use gazelle_protocol::printable;
use serde::Serialize;
use std::{
    fmt::Display,
    io::{self, ErrorKind, Write},
};

/// Prints a line, or several, for people. Names in it may come from files and peers: nothing in it
/// commands the terminal.
pub(crate) fn line(text: impl Display) -> Result<()> {
    let text = text.to_string();
    let lines: Vec<String> = text.split('\n').map(printable).collect();
    raw(lines.join("\n"))
}

/// Prints what a command has found: an object for programs, or lines for people.
pub(crate) fn one(found: &(impl Display + Serialize), json: bool) -> Result<()> {
    match json {
        true => raw(serde_json::to_string(found).when(|| "the result".into())?),
        false => line(found),
    }
}

/// Prints a line for programs, such as JSON, as it is.
pub(crate) fn raw(line: impl Display) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Failure::ReaderLeft,
        _ => Failure::new(format!("cannot print the result: {error}")),
    })
}

/// A line on standard error: what is said beside the result. Whether anybody reads it decides nothing.
pub(crate) fn aside(line: impl Display) {
    let _ = writeln!(io::stderr(), "gazelle: {line}");
}
