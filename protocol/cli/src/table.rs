//! Text tables.

use gazelle_protocol::session::Statistics;

/// Rows of equally many cells, the first one the headings: the first column stands left, the others
/// right.
pub(crate) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..N).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_string() + "\n"
    };
    rows.iter().map(line).collect()
}

/// What the phases of a session cost.
pub(crate) fn phases(statistics: &Statistics) -> String {
    let Statistics { setup, offline, online } = statistics;
    let headings = ["phase", "seconds", "bytes up", "bytes down", "rounds"].map(String::from);
    let phases = [("set-up", setup), ("offline", offline), ("online", online)];
    let row = |(name, phase): (&str, &gazelle_protocol::session::Phase)| {
        [
            name.into(),
            format!("{:.3}", phase.seconds),
            grouped(phase.bytes_up),
            grouped(phase.bytes_down),
            phase.rounds.to_string(),
        ]
    };
    table(&[headings].into_iter().chain(phases.map(row)).collect::<Vec<_>>())
}

/// A number with a comma between groups of three digits.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_come_in_threes() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (12_345_678, "12,345,678")]
        {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn columns_are_as_wide_as_their_cells() {
        let rows = [["a", "bytes"], ["longer", "1"]].map(|row| row.map(String::from));
        assert_eq!(table(&rows), "a       bytes\nlonger      1\n");
    }
}
