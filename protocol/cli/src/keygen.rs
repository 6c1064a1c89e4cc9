//! `gazelle keygen`: a certificate authority of one's own, and credentials for everyone.

use crate::{
    failure::{Result, While},
    output,
};
use gazelle_service::keygen::Authority;
use serde::Serialize;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(crate) struct KeygenArgs {
    /// The folder of the authority; it gets a folder for the server and one for each client
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// The names and addresses by which clients reach the server
    #[arg(long, value_name = "HOST,…", value_delimiter = ',')]
    pub(crate) server: Vec<String>,
    /// Make a certificate for a client of this name
    #[arg(long, value_name = "NAME")]
    pub(crate) client: Vec<String>,
    /// Make a token for a client of this name
    #[arg(long, value_name = "NAME")]
    pub(crate) token: Vec<String>,
    /// Revoke the certificate of the client of this name
    #[arg(long, value_name = "NAME")]
    pub(crate) revoke: Vec<String>,
    /// How long certificates are valid
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub(crate) days: u32,
    /// Print a JSON object a line instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

/// What `--json` prints of each folder.
#[derive(Serialize)]
struct Made {
    path: PathBuf,
    what: String,
}

/// The hosts of a server on this machine.
const HERE: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

pub(crate) fn run(args: &KeygenArgs) -> Result<()> {
    let KeygenArgs { folder, client, token, revoke, days, .. } = args;
    let authority = Authority::open(folder)?;
    let made = |folder: PathBuf, what: String| {
        if !args.json {
            return output::line(format_args!("{}: {what}", folder.display()));
        }
        let made = Made { path: folder, what };
        output::raw(serde_json::to_string(&made).when(|| "a folder's name".into())?)
    };
    if !args.server.is_empty() || !folder.join("server").exists() {
        let hosts = match args.server.is_empty() {
            true => HERE.map(String::from).to_vec(),
            false => args.server.clone(),
        };
        let what = format!("for the server at {}, for {days} days", hosts.join(", "));
        made(authority.server(&hosts, *days)?, what)?;
    }
    for name in client {
        made(authority.client(name, *days)?, format!("a certificate for {days} days"))?;
    }
    for name in token {
        made(authority.token(name)?, "a token, which does not expire".into())?;
    }
    for name in revoke {
        made(
            authority.revoke(name)?,
            format!("{name} is revoked; send the server SIGHUP, or start it anew"),
        )?;
    }
    Ok(())
}
