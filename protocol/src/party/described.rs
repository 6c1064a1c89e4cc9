//! What the client learns, for people and as JSON.

use serde::Serialize;

use super::Outcome;
use crate::model::Card;
use crate::text::printable;

/// An outcome with the names of its classes, in which nothing speaks to a terminal. As JSON it is the
/// fields that the head has.
#[derive(Serialize)]
pub struct Described {
    #[serde(flatten)]
    class: Option<Class>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top: Option<Vec<Class>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thresholds: Option<Vec<Threshold>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logits: Option<Vec<i32>>,
}

#[derive(Serialize)]
struct Class {
    label: usize,
    name: String,
}

#[derive(Serialize)]
struct Threshold {
    #[serde(flatten)]
    class: Class,
    reached: bool,
}

impl Class {
    fn new(card: &Card, label: usize) -> Self {
        // The names are the server's: none of them may speak to the terminal.
        Self { label, name: printable(&card.classes[label]) }
    }
}

impl Described {
    /// The outcome of a card's network.
    ///
    /// # Panics
    /// If the outcome names a class that the card does not have, which none does that a session gives.
    pub fn new(card: &Card, outcome: &Outcome) -> Self {
        let class = outcome.label().map(|label| Class::new(card, label));
        let mut described =
            Self { class, top: None, thresholds: None, confidence: None, logits: None };
        match outcome {
            Outcome::Class(_) => {}
            Outcome::Top(classes) => {
                described.top =
                    Some(classes.iter().map(|&label| Class::new(card, label)).collect());
            }
            Outcome::Thresholds(reached) => {
                let threshold = |(label, &reached)| {
                    let class = Class::new(card, label);
                    Threshold { class, reached }
                };
                described.thresholds = Some(reached.iter().enumerate().map(threshold).collect());
            }
            Outcome::Confidence { reached, .. } => described.confidence = Some(*reached),
            Outcome::Values(values) => described.logits = Some(values.clone()),
        }
        described
    }
}

/// The class by its name, then the others, the confidence or the values of all classes; or what is
/// reached of each class's threshold.
///
/// # Panics
/// As [`Described::new`].
pub fn text(card: &Card, outcome: &Outcome) -> String {
    let name = |label: usize| Class::new(card, label).name;
    let list = |parts: &mut dyn Iterator<Item = String>| parts.collect::<Vec<_>>().join(", ");
    let first = outcome.label().map(name).unwrap_or_default();
    match outcome {
        Outcome::Class(_) => first,
        Outcome::Top(classes) => list(&mut classes.iter().map(|&label| name(label))),
        Outcome::Thresholds(reached) => {
            list(&mut reached.iter().enumerate().map(|(label, &reached)| {
                format!("{} {}", name(label), if reached { "yes" } else { "no" })
            }))
        }
        Outcome::Confidence { reached, .. } => format!("{first} (confidence {reached} of 3)"),
        Outcome::Values(values) => {
            let value = |(label, value): (usize, &i32)| format!("{} {value}", name(label));
            format!("{first} ({})", list(&mut values.iter().enumerate().map(value)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gazelle_import::zoo;

    /// A card of the classes "0" to "2", the last with a name that would ring the bell.
    fn card() -> Card {
        let mut card = zoo::network("a").expect("a network").card().clone();
        card.classes = ["cat", "dog", "\u{7}"].map(String::from).into();
        card
    }

    #[test]
    fn every_outcome_is_told_as_text_and_as_json() {
        let cases = [
            (Outcome::Class(1), "dog", r#"{"label":1,"name":"dog"}"#),
            (
                Outcome::Top(vec![1, 0]),
                "dog, cat",
                r#"{"label":1,"name":"dog","top":[{"label":1,"name":"dog"},{"label":0,"name":"cat"}]}"#,
            ),
            (
                Outcome::Confidence { class: 0, reached: 2 },
                "cat (confidence 2 of 3)",
                r#"{"label":0,"name":"cat","confidence":2}"#,
            ),
        ];
        for (outcome, line, json) in cases {
            assert_eq!(text(&card(), &outcome), line);
            let described = Described::new(&card(), &outcome);
            assert_eq!(serde_json::to_string(&described).unwrap(), json);
        }
        let reached = Outcome::Thresholds(vec![true, false, false]);
        assert!(text(&card(), &reached).starts_with("cat yes, dog no, "));
        let json = serde_json::to_value(Described::new(&card(), &reached)).unwrap();
        assert_eq!(json.as_object().unwrap().len(), 1);
        let cat = serde_json::json!({ "label": 0, "name": "cat", "reached": true });
        assert_eq!(json["thresholds"][0], cat);
        let values = Outcome::Values(vec![-3, 7, 7]);
        assert!(text(&card(), &values).starts_with("dog (cat -3, dog 7, "));
        let json = serde_json::to_value(Described::new(&card(), &values)).unwrap();
        assert_eq!(json["logits"], serde_json::json!([-3, 7, 7]));
        assert_eq!(json["label"], 1);
    }

    #[test]
    fn no_name_speaks_to_the_terminal() {
        assert!(!text(&card(), &Outcome::Class(2)).contains('\u{7}'));
    }
}
