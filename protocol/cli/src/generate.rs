//! What other programs read about this one: shells' completions and man pages.

use crate::{
    args::Args,
    failure::{Result, While},
    output,
};
use clap::CommandFactory;
use clap_complete::Shell;
use std::{fs, path::Path};

/// Prints the completions for a shell.
pub(crate) fn completions(shell: Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "gazelle", &mut script);
    output::raw(String::from_utf8_lossy(&script).trim_end())
}

/// Writes a man page for each command into a folder.
pub(crate) fn man(folder: &Path) -> Result<()> {
    let cannot = || format!("cannot write to {}", folder.display());
    fs::create_dir_all(folder).when(cannot)?;
    clap_mangen::generate_to(Args::command(), folder).when(cannot)?;
    output::line(format_args!("wrote the pages to {}", folder.display()))
}
