//! The client that the page's worker talks to.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gazelle_picture::Picture;
use gazelle_protocol::Error;
use gazelle_protocol::bundle::ClientBundle;
use gazelle_protocol::error::Misuse;
use gazelle_protocol::model::{Card, Colours};
use gazelle_protocol::party::{ClientParty, Described, text};
use gazelle_protocol::plan::Terms;
use gazelle_protocol::printable;
use gazelle_protocol::wire::{Access, Kind, Message, Payload};
use js_sys::Function;
use rand::SeedableRng;
use rand::rngs::{ChaCha20Rng, SysRng};
use serde::Serialize;
use wasm_bindgen::prelude::*;
use zeroize::Zeroizing;

use crate::costs::{Costs, Meter};
use crate::line::{Event, Line};

/// Bytes that a client in a browser may hold for one inference: half of what WebAssembly can address.
const MEMORY: u64 = 2 << 30;

/// A session with a server, for one picture after another.
///
/// Its methods are called in their order: [`Client::connect`], then for each picture
/// [`Client::choose`], [`Client::prepare`] and [`Client::classify`], at last [`Client::close`]. The
/// script that owns the WebSocket hands on what comes by [`Client::receive`], and says by
/// [`Client::lose`] that it is closed. After an error of the server or of the connection the session is
/// over.
#[wasm_bindgen]
pub struct Client {
    line: Rc<Line>,
    /// None before the set-up, during a phase and once one has failed.
    party: Cell<Option<ClientParty>>,
    /// What was prepared and waits.
    bundle: Cell<Option<ClientBundle>>,
    /// The image that is to be classified.
    image: RefCell<Zeroizing<Vec<u8>>>,
    costs: Cell<Costs>,
    /// Is told the bytes of a phase received and expected.
    watch: Function,
}

/// What is known of the server's network after the set-up.
#[derive(Serialize)]
struct Announced<'a> {
    name: String,
    hash: String,
    channels: usize,
    height: usize,
    width: usize,
    /// Whether the channels are blue, green and red.
    bgr: bool,
    costs: &'a Costs,
}

/// What the client has learnt, and what it cost.
#[derive(Serialize)]
struct Learnt<'a> {
    text: String,
    outcome: Described,
    /// x − r, which is all that was sent of the image: the upper eight bits of each value.
    masked: Vec<u8>,
    costs: &'a Costs,
}

#[wasm_bindgen]
impl Client {
    /// A client that talks to `host` (as URLs have it, with a port that is not the usual one) through
    /// `send(bytes)`. `watch(received, expected)` is told how far a phase has come, in bytes.
    #[wasm_bindgen(constructor)]
    pub fn new(host: String, send: Function, watch: Function) -> Self {
        Self {
            line: Rc::new(Line::new(host, send)),
            party: Cell::default(),
            bundle: Cell::default(),
            image: RefCell::default(),
            costs: Cell::default(),
            watch,
        }
    }

    /// Takes bytes that have come from the server.
    pub fn receive(&self, bytes: &[u8]) {
        self.line.receive(bytes);
    }

    /// The connection is closed.
    pub fn lose(&self) {
        self.line.close();
    }

    /// Sets the session up with the server's `model` of that name, or its only one. What is known of
    /// the network, as JSON.
    ///
    /// # Errors
    /// If the server refuses, breaks the protocol or is gone, or its network would take too much
    /// memory.
    pub async fn connect(&self, model: String) -> Result<String, JsError> {
        if model.len() > Access::MAX_NAME {
            return Err(JsError::new("the model's name is too long"));
        }
        let access = Access { model, keep: false, proof: None };
        self.line.send(access.into_message())?;
        let meter = Meter::start(&self.line);
        let rng = ChaCha20Rng::try_from_rng(&mut SysRng)?;
        let terms = Terms { memory: MEMORY, ..Terms::default() };
        let mut party = self.line.run(ClientParty::connect(&terms, rng), |_| ()).await?;
        if party.needed_hint().is_some() {
            let expected = party.plan().hint_fetch().received;
            party = self.line.run(party.fetch_hint(), self.watching(expected)).await?;
        }
        let mut costs = self.costs.get();
        meter.stop(&self.line, &mut costs.setup);
        self.costs.set(costs);
        let announced = announced(party.plan().card(), &costs, party.plan().card_hash())?;
        self.party.set(Some(party));
        Ok(announced)
    }

    /// Decodes a PNG or JPEG file, as the server's network reads it: its values from 0 to 255, channel
    /// by channel, row by row. Nothing is sent.
    ///
    /// # Errors
    /// If it is no picture, or none that the network reads.
    pub fn choose(&self, file: &[u8]) -> Result<Vec<u8>, JsError> {
        let party = self.party.take().ok_or(Misuse::SessionEnded)?;
        let image = Picture::decode(file).and_then(|picture| picture.tensor(party.plan().card()));
        self.party.set(Some(party));
        let image = image?;
        *self.image.borrow_mut() = Zeroizing::new(image.clone());
        Ok(image)
    }

    /// Prepares one inference, which does not depend on the image. What the session has cost so far, as
    /// JSON.
    ///
    /// # Errors
    /// If the server refuses, breaks the protocol or is gone, or the session has failed before.
    pub async fn prepare(&self) -> Result<String, JsError> {
        let party = self.party.take().ok_or(Misuse::SessionEnded)?;
        let expected = party.plan().offline_from(&mut party.stocks(), 1).received;
        let meter = Meter::start(&self.line);
        let (party, bundles) = self.line.run(party.offline(1), self.watching(expected)).await?;
        let mut costs = self.costs.get();
        meter.stop(&self.line, &mut costs.offline);
        self.costs.set(costs);
        self.party.set(Some(party));
        self.bundle.set(bundles.into_iter().next());
        Ok(serde_json::to_string(&costs)?)
    }

    /// Classifies the image that was chosen with what was prepared. What the client learns, as JSON.
    ///
    /// # Errors
    /// If nothing was chosen or prepared, or the server refuses, breaks the protocol or is gone.
    pub async fn classify(&self) -> Result<String, JsError> {
        let party = self.party.take().ok_or(Misuse::SessionEnded)?;
        let bundle = self.bundle.take().ok_or(JsError::new("prepare an inference first"))?;
        let image = std::mem::take(&mut *self.image.borrow_mut());
        let plan = party.plan().clone();
        let mut progress = self.watching(plan.online().received);
        let mut masked = None;
        let meter = Meter::start(&self.line);
        let part = party.online(bundle, &image);
        let watch = |event: Event<'_>| {
            if let Event::Sent(Message { kind: Kind::Masked, payload }) = event {
                masked.get_or_insert_with(|| payload.clone());
            }
            progress(event);
        };
        let (party, outcome, left) = self.line.run(part, watch).await?;
        let mut costs = self.costs.get();
        meter.stop(&self.line, &mut costs.online);
        self.costs.set(costs);
        self.party.set(Some(party));
        drop(left);
        let (card, outcome) = (plan.card(), outcome.map_err(Error::from)?);
        let learnt = Learnt {
            text: text(card, &outcome),
            outcome: Described::new(card, &outcome),
            masked: upper_bits(&masked.unwrap_or_default(), card.input.len()),
            costs: &costs,
        };
        Ok(serde_json::to_string(&learnt)?)
    }

    /// Says farewell.
    pub fn close(&self) {
        if let Some(party) = self.party.take() {
            // The images are classified, whether or not the server hears it.
            let _ = self.line.send(party.close());
        }
    }

    /// Tells the page how far a phase of so many bytes has come.
    fn watching(&self, expected: u64) -> impl FnMut(Event<'_>) {
        let (line, watch) = (Rc::clone(&self.line), self.watch.clone());
        let before = line.traffic().received;
        move |event| {
            if let Event::Waits = event {
                let received = line.traffic().received - before;
                let arguments = [received, expected].map(|bytes| JsValue::from(bytes as f64));
                // A page that does not listen misses nothing but its progress bar.
                let _ = watch.call2(&JsValue::NULL, &arguments[0], &arguments[1]);
            }
        }
    }
}

fn announced(
    card: &Card,
    costs: &Costs,
    hash: impl std::fmt::Display,
) -> Result<String, serde_json::Error> {
    let announced = Announced {
        name: printable(&card.name),
        hash: hash.to_string(),
        channels: card.input.channels,
        height: card.input.height,
        width: card.input.width,
        bgr: card.preprocessing.colours == Colours::Bgr,
        costs,
    };
    serde_json::to_string(&announced)
}

/// The upper eight bits of each of `count` values that are packed, all in as many bits.
fn upper_bits(packed: &[u8], count: usize) -> Vec<u8> {
    let bits = 8 * packed.len() / count.max(1);
    let upper = |i: usize| {
        let at = (i + 1) * bits - 8;
        let byte = |at: usize| u16::from(packed.get(at).copied().unwrap_or(0));
        ((byte(at / 8) | byte(at / 8 + 1) << 8) >> (at % 8)) as u8
    };
    if bits < 8 { Vec::new() } else { (0..count).map(upper).collect() }
}

#[cfg(test)]
mod tests {
    use super::upper_bits;

    #[test]
    fn upper_bits_are_those_of_each_value() {
        // 13 bits each.
        let values = [0x1fff_u32, 0, 0x0aa0, 0x1000, 0x001f];
        let mut packed = [0u8; 9];
        for (i, value) in values.iter().enumerate() {
            (0..13).for_each(|bit| {
                packed[(13 * i + bit) / 8] |= ((value >> bit & 1) as u8) << ((13 * i + bit) % 8)
            });
        }
        assert_eq!(upper_bits(&packed, 5), [0xff, 0, 0x55, 0x80, 0]);
        assert_eq!(upper_bits(&[], 5), []);
    }
}
