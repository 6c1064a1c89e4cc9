//! What a card says of pictures and classes, in words.

use gazelle_protocol::{
    model::{Card, Colours, Normalisation, PixelUnit, Resize},
    printable,
};

/// Classes that are named; a card may have thousands.
const NAMED: usize = 20;
/// Letters of a class's name, which may be long too.
const LETTERS: usize = 40;

/// What becomes of a picture before the network reads it.
pub(crate) fn pictures(card: &Card) -> String {
    let stated = &card.preprocessing;
    let size = format!("{}×{}", card.input.height, card.input.width);
    let resize = match stated.resize {
        Resize::Exact => format!("of {size} pixels and no other size"),
        Resize::Stretch => format!("of any size, stretched to {size}"),
        Resize::ShortSide(side) => {
            format!("of any size, the short side scaled to {side} and the centre of {size} cut out")
        }
    };
    let colours = match stated.colours {
        Colours::Stored => "colours as they are stored",
        Colours::Grey => "grey",
        Colours::Rgb => "red, green, blue",
        Colours::Bgr => "blue, green, red",
    };
    let pixels = stated.normalisation.as_ref().map_or("pixels as they are".into(), normalisation);
    format!("pictures: {resize}; {colours}; {pixels}")
}

/// What training made of pixels; the card counts in 2^-16.
fn normalisation(stated: &Normalisation) -> String {
    let most = match stated.unit {
        PixelUnit::Full => "1",
        PixelUnit::Step => "255",
    };
    let list = |numbers: &mut dyn Iterator<Item = f64>| {
        let numbers = numbers.map(|number| format!("{:.4}", number / 65536.0));
        let short = numbers.map(|n| n.trim_end_matches('0').trim_end_matches('.').to_string());
        short.collect::<Vec<_>>().join(", ")
    };
    let mean = list(&mut stated.mean.iter().map(|&mean| mean.into()));
    let std = list(&mut stated.std.iter().map(|&std| std.into()));
    format!("pixels of 0 to {most}, less the mean {mean}, divided by {std}")
}

/// The classes' names, in order, as far as they fit.
pub(crate) fn classes(card: &Card) -> String {
    let name = |name: &str| match name.char_indices().nth(LETTERS) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.into(),
    };
    let names = card.classes.iter().take(NAMED).map(|class| name(&printable(class)));
    let names: Vec<String> = names.collect();
    let more = match card.classes.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("classes: {}{more}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gazelle_import::zoo;

    #[test]
    fn long_lists_and_names_are_cut() {
        let mut card = zoo::network("a").expect("a network").card().clone();
        card.classes = (0..1000).map(|i| format!("{i}{}", "é".repeat(500))).collect();
        let text = classes(&card);
        assert!(text.ends_with(" and 980 more") && text.chars().count() < 1000, "{text}");
        card.classes = ["cat", "dog"].map(String::from).into();
        assert_eq!(classes(&card), "classes: cat, dog");
    }

    #[test]
    fn pixels_are_told_as_training_counted_them() {
        let mut card = zoo::network("a").expect("a network").card().clone();
        assert!(pictures(&card).ends_with("; colours as they are stored; pixels as they are"));
        card.preprocessing.resize = Resize::ShortSide(256);
        card.preprocessing.colours = Colours::Bgr;
        card.preprocessing.normalisation = Some(Normalisation {
            unit: PixelUnit::Step,
            mean: vec![123 << 16, 117 << 16, 104 << 16],
            std: vec![1 << 16, 1 << 15, 58 << 16],
        });
        let text = pictures(&card);
        for part in ["scaled to 256", "blue, green, red", "0 to 255", "123, 117, 104", "1, 0.5, 58"]
        {
            assert!(text.contains(part), "no {part:?} in {text}");
        }
    }
}
