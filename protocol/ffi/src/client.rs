//! The client of private classification.

use std::collections::VecDeque;
use std::ffi::{CString, OsString, c_char, c_void};

use gazelle_cli::{Asking, Line, parts};
use gazelle_protocol::error::Misuse;
use gazelle_protocol::model::{Card, CardHash, Head};
use gazelle_protocol::printable;
use gazelle_protocol::session::{Client, ClientBundle, Outcome, Phase, Statistics};
use gazelle_protocol::transport::{Backlog, Channel};

use crate::callbacks::{GazelleRead, GazelleWrite, ends};
use crate::handle::{self, Exclusive};
use crate::memory::{input, output, region, shared, text, write};
use crate::options::{GazelleClientOptions, Wishes};
use crate::program::check_len;
use crate::status::{Failure, GazelleStatus, call, value};

/// A session with a server. One thread at a time may use it, another one later; what the model is may be asked
/// on any thread.
pub struct GazelleClient {
    pub(crate) model: GazelleModel,
    card: CString,
    classes: Vec<CString>,
    /// The card itself, which says how pictures become pixels.
    pub(crate) form: Card,
    session: Exclusive<Session>,
}

/// What a client has of its server.
enum Session {
    /// One session, and the inferences that were prepared in it.
    One(Box<Client>, VecDeque<ClientBundle>),
    /// As many as it takes, with what the command keeps in folders.
    Several(Box<Asking>),
}

/// What the numbers of an outcome are.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GazelleHead {
    /// One: the class with the largest value.
    Class = 0,
    /// Some: the classes with the largest values, the largest first.
    Top = 1,
    /// One for each class: 1 if its value reaches its threshold, else 0.
    Thresholds = 2,
    /// Two: the class with the largest value, and a confidence of 0 to 3.
    Confidence = 3,
    /// One for each class: its value.
    Values = 4,
}

/// What a client knows of the server's model.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GazelleModel {
    /// Channels of an image.
    pub channels: usize,
    /// Its rows.
    pub height: usize,
    /// Its columns.
    pub width: usize,
    /// Classes.
    pub classes: usize,
    /// Numbers of an outcome.
    pub numbers: usize,
    /// What they are.
    pub head: GazelleHead,
}

/// What a phase cost, seen from the client.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GazellePhase {
    /// Seconds.
    pub seconds: f64,
    /// Bytes from client to server.
    pub bytes_up: u64,
    /// Bytes from server to client.
    pub bytes_down: u64,
    /// Round trips.
    pub rounds: u64,
}

/// What a session has cost so far.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GazelleStatistics {
    /// Greeting, keys and base transfers, once.
    pub setup: GazellePhase,
    /// All inferences that were prepared.
    pub offline: GazellePhase,
    /// All classifications.
    pub online: GazellePhase,
}

impl From<Phase> for GazellePhase {
    fn from(phase: Phase) -> Self {
        let Phase { seconds, bytes_up, bytes_down, rounds } = phase;
        Self { seconds, bytes_up, bytes_down, rounds }
    }
}

impl GazelleModel {
    fn new(card: &Card) -> Self {
        let head = &card.head.head;
        let kind = match head {
            Head::Class => GazelleHead::Class,
            Head::Top(_) => GazelleHead::Top,
            Head::Thresholds(_) => GazelleHead::Thresholds,
            Head::Confidence(_) => GazelleHead::Confidence,
            Head::Values => GazelleHead::Values,
        };
        Self {
            channels: card.input.channels,
            height: card.input.height,
            width: card.input.width,
            classes: card.classes.len(),
            numbers: head.results(card.classes.len()),
            head: kind,
        }
    }

    pub(crate) fn pixels(&self) -> usize {
        self.channels * self.height * self.width
    }
}

impl GazelleClient {
    fn over(channel: Channel, wishes: &Wishes) -> Result<Self, Failure> {
        let client = Client::connect(channel, &wishes.terms)?;
        let (form, card) = (client.plan().card().clone(), client.plan().card_hash());
        Ok(Self::new(form, card, Session::One(Box::new(client), VecDeque::new())))
    }

    fn new(form: Card, card: CardHash, session: Session) -> Self {
        let model = GazelleModel::new(&form);
        let text = |text: &str| CString::new(text.replace('\0', "")).unwrap_or_default();
        // The names are the server's: none of them may speak to a terminal.
        let classes = form.classes.iter().map(|class| text(&printable(class))).collect();
        let card = text(&card.to_string());
        Self { model, card, classes, form, session: Exclusive::new(session) }
    }
}

impl Session {
    /// Prepares `count` inferences.
    fn prepare(&mut self, count: usize) -> Result<(), Failure> {
        match self {
            Self::One(client, bundles) => bundles.extend(client.offline(count, |_, _| ())?),
            Self::Several(asking) => drop(asking.prepare(count)?),
        }
        Ok(())
    }

    /// Classifies an image with an inference that waits, or one that is prepared now.
    fn classify(&mut self, image: &[u8]) -> Result<Outcome, Failure> {
        match self {
            Self::One(client, bundles) => {
                if bundles.is_empty() {
                    bundles.extend(client.offline(1, |_, _| ())?);
                }
                let bundle =
                    bundles.pop_front().ok_or(Misuse::SessionEnded).map_err(Failure::state)?;
                Ok(client.classify(bundle, image)?)
            }
            Self::Several(asking) => Ok(asking.classify(image)?),
        }
    }

    fn statistics(&self) -> Statistics {
        match self {
            Self::One(client, _) => client.statistics(),
            Self::Several(asking) => asking.costs(),
        }
    }

    /// Says farewell; the server may be gone.
    fn end(self) {
        match self {
            Self::One(client, _) => drop(client.close()),
            Self::Several(asking) => asking.end(),
        }
    }
}

/// Connects to the server at `server`, as in "host:7464", and sets a session up. The handle is to be freed
/// with `gazelle_client_free`.
///
/// # Safety
/// `server` and the texts of `options` end in 0, `client` has room for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_client_connect(
    server: *const c_char,
    options: *const GazelleClientOptions,
    client: *mut *mut GazelleClient,
) -> GazelleStatus {
    call(|| {
        // SAFETY: the caller's promise.
        unsafe {
            handle::make(client, || {
                let (server, wishes) = (text("server", server)?, Wishes::read(options)?);
                GazelleClient::over(wishes.dial(server)?, &wishes)
            })
        }
    })
}

/// Connects as `gazelle classify` does with these arguments, such as "--server", "localhost:7464", "--tls",
/// "keys/alice": all that it has for whom to ask and how, WebSockets and folders of stored inferences and of
/// hints included. Where a session ends and another try may help, the next call begins another. The handle is to be
/// freed with `gazelle_client_free`.
///
/// # Safety
/// There are `count` texts at `arguments`, all end in 0, and `client` has room for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_client_connect_as(
    arguments: *const *const c_char,
    count: usize,
    client: *mut *mut GazelleClient,
) -> GazelleStatus {
    call(|| {
        // SAFETY: the caller's promise.
        unsafe {
            handle::make(client, || {
                let arguments = input("arguments", arguments, count)?.iter();
                let arguments = arguments.map(|&argument| text("an argument", argument));
                let arguments: Result<Vec<_>, _> =
                    arguments.map(|text| text.map(OsString::from)).collect();
                let asking = parts::ask(arguments?, Line::default())?;
                let card = asking.card().clone();
                let hash = card.hash().map_err(|fault| Failure::new(GazelleStatus::Peer, fault))?;
                Ok(GazelleClient::new(card, hash, Session::Several(Box::new(asking))))
            })
        }
    })
}

/// Sets a session up over a connection that the caller carries, whose bytes `read` and `write` pass; `options`
/// names no TLS, and its times do not count: the functions fail when they have waited for too long. Both get
/// `context`. `write` is called on a thread of the library's, while `read` may be in a call on another.
///
/// `gazelle_client_free` waits for calls of `write` to return; after it, or if this fails, neither function is
/// called again.
///
/// # Safety
/// Until the client is freed, both functions may be called with `context` as above; they neither throw nor
/// jump out. The texts of `options` end in 0, `client` has room for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_client_connect_over(
    read: GazelleRead,
    write: GazelleWrite,
    context: *mut c_void,
    options: *const GazelleClientOptions,
    client: *mut *mut GazelleClient,
) -> GazelleStatus {
    call(|| {
        // SAFETY: the caller's promise.
        unsafe {
            handle::make(client, || {
                let wishes = Wishes::read(options)?;
                if wishes.wants_tls() {
                    return Err(Failure::argument(
                        "options.tls is for gazelle_client_connect alone",
                    ));
                }
                let (reader, writer) = ends(read, write, context)?;
                let channel = Channel::new(reader, writer, None, Backlog::Unlimited);
                GazelleClient::over(wishes.ask(channel, None), &wishes)
            })
        }
    })
}

/// Says farewell to the server, wipes and frees the session; null is none.
///
/// # Safety
/// `client` is null or a handle that was not freed, and no thread uses it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_client_free(client: *mut GazelleClient) {
    if client.is_null() {
        return;
    }
    value((), || {
        // SAFETY: made by `Box::into_raw` and not freed before, by the caller's promise.
        let client = unsafe { Box::from_raw(client) };
        if let Some(session) = client.session.into_inner() {
            session.end();
        }
    });
}

/// What the server's model reads and tells.
///
/// # Safety
/// `client` is a handle, `model` has room for it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_client_model(
    client: *const GazelleClient,
    model: *mut GazelleModel,
) -> GazelleStatus {
    // SAFETY: the caller's promise.
    call(|| unsafe { write("model", model, shared("client", client)?.model) })
}

/// The name of the class of a number, without what commands a terminal; null if there is no such class. It ends in 0 and is
/// valid until the client is freed.
///
/// # Safety
/// `client` is null or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_client_class(
    client: *const GazelleClient,
    number: usize,
) -> *const c_char {
    value(std::ptr::null(), || {
        // SAFETY: the caller's promise.
        let client = unsafe { shared("client", client) }.ok();
        let name = client.and_then(|client| client.classes.get(number));
        name.map_or(std::ptr::null(), |name| name.as_ptr())
    })
}

/// The hash of the model's card, 64 digits, for `options.card` of later sessions; null for null. It ends in 0
/// and is valid until the client is freed.
///
/// # Safety
/// `client` is null or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_client_card(client: *const GazelleClient) -> *const c_char {
    value(std::ptr::null(), || {
        // SAFETY: the caller's promise.
        let client = unsafe { shared("client", client) };
        client.map_or(std::ptr::null(), |client| client.card.as_ptr())
    })
}

/// Prepares `count` inferences before their images are known: the offline phase. Each is good for one
/// `gazelle_client_classify`.
///
/// # Safety
/// `client` is a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_client_prepare(
    client: *const GazelleClient,
    count: usize,
) -> GazelleStatus {
    // SAFETY: the caller's promise.
    call(|| unsafe { shared("client", client) }?.session.lock()?.prepare(count))
}

/// Classifies an image of `len` = channels·height·width pixels, channel by channel and row by row: with an
/// inference that was prepared, or one that is prepared now. Writes as many numbers as the model says. The
/// server learns neither the image nor them.
///
/// # Safety
/// `client` is a handle, `pixels` has `len` bytes, `numbers` room for `numbers_len`; no other thread uses them
/// meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_client_classify(
    client: *const GazelleClient,
    pixels: *const u8,
    len: usize,
    numbers: *mut i32,
    numbers_len: usize,
) -> GazelleStatus {
    call(|| {
        // SAFETY: the caller's promise; the numbers overlap no pixel or are refused.
        let (client, pixels, out) = unsafe {
            let out = output("numbers", numbers, numbers_len, &[region(pixels, len)])?;
            (shared("client", client)?, input("pixels", pixels, len)?, out)
        };
        check_len("pixels", client.model.pixels(), len)?;
        check_len("numbers", client.model.numbers, numbers_len)?;
        let outcome = client.session.lock()?.classify(pixels)?;
        out.copy_from_slice(&outcome.numbers());
        Ok(())
    })
}

/// What the session has cost so far.
///
/// # Safety
/// `client` is a handle, `statistics` has room for them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_client_statistics(
    client: *const GazelleClient,
    statistics: *mut GazelleStatistics,
) -> GazelleStatus {
    call(|| {
        // SAFETY: the caller's promise.
        let session = unsafe { shared("client", client) }?.session.lock()?;
        let Statistics { setup, offline, online } = session.statistics();
        let all = GazelleStatistics {
            setup: setup.into(),
            offline: offline.into(),
            online: online.into(),
        };
        // SAFETY: the caller's promise.
        unsafe { write("statistics", statistics, all) }
    })
}
