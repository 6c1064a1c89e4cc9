//! What a client asks of a server, and how it reaches one.

use std::ffi::c_char;
use std::net::ToSocketAddrs;
use std::path::Path;
use std::time::Duration;

use gazelle_protocol::model::CardHash;
use gazelle_protocol::session::Terms;
use gazelle_protocol::transport::{self, Channel, Patience};
use gazelle_protocol::wire::{Access, Proof};
use gazelle_service::{ClientTls, Credentials};

use crate::memory::{shared, text, write};
use crate::status::{Failure, GazelleStatus, call};

/// What a client asks of a server. `gazelle_client_defaults` fills it; texts end in 0 and may be null.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct GazelleClientOptions {
    /// The folder of this client's credentials, as `gazelle keygen` makes it, for TLS; null for none.
    pub tls: *const c_char,
    /// Not 0: without TLS, servers on other machines may be asked too, because something else protects the
    /// connection.
    pub plaintext_anywhere: u32,
    /// Which of the server's models to ask; null for the only one.
    pub model: *const c_char,
    /// The hash of the card that the model must have, 64 digits as `gazelle inspect` prints it; null for any.
    pub card: *const c_char,
    /// The most bytes of memory for the inferences of one `gazelle_client_prepare`.
    pub max_memory: u64,
    /// The most bytes to receive for one inference.
    pub max_download: u64,
    /// Not 0: a server whose transfers assume that learning parity with noise is hard is refused.
    pub no_lpn: u32,
    /// The longest silence of the server within a phase, in milliseconds.
    pub timeout_ms: u32,
    /// The time for connecting and setting the session up, in milliseconds.
    pub setup_timeout_ms: u32,
}

/// Fills options: no TLS and this machine's servers alone, the only model, any card; 4 GiB of memory and
/// 8 GiB to receive; 60 seconds of silence and 20 for the set-up.
///
/// # Safety
/// `options` has room for them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_client_defaults(
    options: *mut GazelleClientOptions,
) -> GazelleStatus {
    let (terms, patience) = (Terms::default(), Patience::default());
    let defaults = GazelleClientOptions {
        tls: std::ptr::null(),
        plaintext_anywhere: 0,
        model: std::ptr::null(),
        card: std::ptr::null(),
        max_memory: terms.memory,
        max_download: terms.download,
        no_lpn: 0,
        timeout_ms: patience.phase.as_millis() as u32,
        setup_timeout_ms: patience.setup.as_millis() as u32,
    };
    // SAFETY: the caller's promise.
    call(|| unsafe { write("options", options, defaults) })
}

/// Options that were read.
pub(crate) struct Wishes {
    tls: Option<(ClientTls, Credentials)>,
    anywhere: bool,
    model: String,
    patience: Patience,
    pub(crate) terms: Terms,
}

impl Wishes {
    /// # Safety
    /// `options` is null or has options whose texts end in 0.
    pub(crate) unsafe fn read(options: *const GazelleClientOptions) -> Result<Self, Failure> {
        // SAFETY: the caller's promise.
        let options = unsafe { shared("options", options) }?;
        let optional = |what, pointer: *const c_char| match pointer.is_null() {
            true => Ok(None),
            // SAFETY: the caller's promise.
            false => unsafe { text(what, pointer) }.map(Some),
        };
        let model = optional("options.model", options.model)?.unwrap_or_default().to_string();
        if model.len() > Access::MAX_NAME {
            return Err(Failure::argument("options.model is longer than a model's name can be"));
        }
        let card = optional("options.card", options.card)?;
        let card = card.map(str::parse::<CardHash>).transpose().map_err(Failure::argument)?;
        let credentials = |folder| -> Result<_, gazelle_service::Error> {
            let credentials = Credentials::read(Path::new(folder))?;
            Ok((ClientTls::new(&credentials)?, credentials))
        };
        Ok(Self {
            tls: optional("options.tls", options.tls)?.map(credentials).transpose()?,
            anywhere: options.plaintext_anywhere != 0,
            model,
            patience: Patience {
                setup: Duration::from_millis(options.setup_timeout_ms.into()),
                phase: Duration::from_millis(options.timeout_ms.into()),
                ..Patience::default()
            },
            terms: Terms {
                card,
                memory: options.max_memory,
                download: options.max_download,
                lpn: options.no_lpn == 0,
            },
        })
    }

    /// Connects to `server`.
    pub(crate) fn dial(&self, server: &str) -> Result<Channel, Failure> {
        if self.tls.is_none() && !self.anywhere {
            check_here(server)?;
        }
        let dialled = transport::dial(server).map_err(gazelle_service::Error::from)?;
        let (channel, proof) = match &self.tls {
            None => (transport::begin(dialled, self.patience, None)?, None),
            Some((tls, credentials)) => {
                let secured = gazelle_service::connect(dialled, server, tls, self.patience, None)?;
                let proof = credentials.token().map(|token| token.prove(&secured.binding));
                (secured.channel, proof)
            }
        };
        Ok(self.ask(channel, proof))
    }

    /// Whether the options name credentials.
    pub(crate) fn wants_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Asks for the model over a channel; `proof` is what a token says of it.
    pub(crate) fn ask(&self, mut channel: Channel, proof: Option<Proof>) -> Channel {
        let access = Access { model: self.model.clone(), keep: false, proof };
        // A channel that fails so early says so at its first answer.
        let _ = channel.send_access(access);
        channel
    }
}

/// Without TLS, nothing leaves this machine unless it may.
fn check_here(server: &str) -> Result<(), Failure> {
    // An address that is none is told of by whoever dials it.
    let outside = server
        .to_socket_addrs()
        .into_iter()
        .flatten()
        .find(|address| !address.ip().to_canonical().is_loopback());
    outside.map_or(Ok(()), |address| {
        Err(Failure::argument(format!(
            "{address} can be reached from other machines: set options.tls, or \
             options.plaintext_anywhere if something else protects the connection"
        )))
    })
}
