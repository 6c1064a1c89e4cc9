//! A peer's words, fit for a terminal.

/// `text` without the characters that command a terminal or a text's direction: control characters,
/// marks and overrides of direction, and others without a glyph of their own (Unicode's categories
/// Cc, Cf, Zl and Zp).
pub fn printable(text: &str) -> String {
    text.chars().filter(|&c| !commands(c)).collect()
}

fn commands(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
            | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0001}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn words_stay_and_commands_go() {
        for text in ["Ankle boot", "Größe 42", "靴", "حذاء", "a\u{300}"] {
            assert_eq!(printable(text), text);
        }
        for text in ["a\u{202e}b", "a\u{1b}b", "a\nb", "a\u{2066}b", "a\u{200b}b", "a\u{e0041}b"] {
            assert_eq!(printable(text), "ab");
        }
        assert_eq!(printable("\u{1b}[31mred\u{9b}0m"), "[31mred0m");
    }
}
