//! Cards and model files.

use gazelle_protocol::model::Card;

/// A card that parses is written as it was read, and every block finds its place.
pub fn card_wire(data: &[u8]) {
    if let Ok(card) = Card::from_bytes(data) {
        assert_eq!(card.to_bytes().as_deref(), Ok(data));
        let layers = card.layers().expect("a card is checked when it is read");
        assert_eq!(layers.len(), card.blocks.len());
    }
}
