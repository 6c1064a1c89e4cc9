//! How this process was told what to do.

use std::{env, ffi::OsString, process::Command, sync::OnceLock};

/// How this process was told what to do, and how it starts itself once more. Another language's program
/// that has the command in it is started in its own way.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The program, and what stands before the command's arguments.
    pub program: Vec<OsString>,
    /// The command's arguments.
    pub arguments: Vec<OsString>,
}

/// There is one of a process, as of its arguments.
static INVOCATION: OnceLock<Invocation> = OnceLock::new();

impl Invocation {
    /// That of a program that is this command and nothing else.
    pub fn of_this_process() -> Self {
        let program = env::current_exe().map_or_else(|_| "gazelle".into(), Into::into);
        Self { program: vec![program], arguments: env::args_os().skip(1).collect() }
    }

    /// Remembers it; the first one stays.
    pub(crate) fn remember(self) -> &'static Self {
        INVOCATION.get_or_init(|| self)
    }

    /// The one that was remembered.
    pub(crate) fn get() -> &'static Self {
        INVOCATION.get_or_init(Self::of_this_process)
    }

    /// The command line as clap takes it.
    pub(crate) fn line(&self) -> Vec<OsString> {
        [&["gazelle".into()], &self.arguments[..]].concat()
    }

    /// This program once more, without arguments yet.
    pub(crate) fn again(&self) -> Command {
        let mut command = Command::new(&self.program[0]);
        command.args(&self.program[1..]);
        command
    }
}
