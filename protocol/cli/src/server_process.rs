//! A server as a child process, which lives no longer than its owner.

use crate::{
    failure::{Failure, Result, While},
    invocation::Invocation,
    serve::LISTENING,
};
use std::{
    ffi::OsStr,
    io::{BufRead, BufReader},
    process::{Child, ChildStdout, Stdio},
};

/// `gazelle serve` in a process of its own on a free port of this machine. It is killed when this
/// is dropped, and ends by itself when this process does: its standard input ends then.
pub(crate) struct ServerProcess {
    child: KillOnDrop,
    address: String,
    /// Kept open, so that the server's log has somewhere to go.
    _output: BufReader<ChildStdout>,
}

impl ServerProcess {
    /// Starts a server with these arguments and waits until it listens.
    pub(crate) fn start(arguments: &[impl AsRef<OsStr>]) -> Result<Self> {
        let doing = || "cannot start the server process".to_string();
        let mut command = Invocation::get().again();
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--plaintext", "--until-stdin-ends"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = KillOnDrop(command.spawn().when(doing)?);
        let output = child.0.stdout.take().ok_or_else(|| Failure::new(doing()))?;
        let mut output = BufReader::new(output);
        let mut line = String::new();
        output.read_line(&mut line).when(doing)?;
        match line.strip_prefix(LISTENING) {
            Some(address) => Ok(Self { child, address: address.trim().into(), _output: output }),
            None => Err(Failure::new("the server process ended before it could listen")),
        }
    }

    /// The process's number.
    pub(crate) fn id(&self) -> u32 {
        self.child.0.id()
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

struct KillOnDrop(Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        // Either fails only if the process has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
