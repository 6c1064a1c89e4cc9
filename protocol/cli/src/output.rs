//! Standard output, whose reader may leave early.

use crate::failure::{Result, While};
use std::{
    fmt::Display,
    io::{self, Write},
};

/// Prints a line.
pub(crate) fn line(line: impl Display) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).when(|| "cannot print the result".into())
}
