//! Sanitizes the text of a model to plain text that is safe to display.

use daybook_text::{is_invisible, is_joiner};

/// The maximum length of a summary in characters. Twelve long sentences have about half of this.
pub(crate) const CHARACTERS_MAX: usize = 8_000;

/// Sanitizes a text that arrives in pieces.
///
/// Removes leading white space and all invisible characters except line feeds, tabs and the
/// [joiners](is_joiner), and truncates the text after 8,000 characters.
#[derive(Debug, Default)]
pub(crate) struct Sanitizer {
    characters: usize,
}

impl Sanitizer {
    /// Sanitizes the next piece. Returns an empty string if the whole piece is removed.
    pub(crate) fn push(&mut self, piece: &str) -> String {
        let mut kept = String::with_capacity(piece.len());
        for c in piece.chars().filter(|c| is_plain(*c)) {
            if self.characters == CHARACTERS_MAX {
                break;
            }
            if self.characters == 0 && c.is_whitespace() {
                continue;
            }
            self.characters += 1;
            kept.push(c);
        }
        kept
    }
}

/// Sanitizes a whole text, and removes its trailing white space too.
pub(crate) fn sanitize(text: &str) -> String {
    let mut kept = Sanitizer::default().push(text);
    kept.truncate(kept.trim_end().len());
    kept
}

fn is_plain(c: char) -> bool {
    matches!(c, '\n' | '\t') || is_joiner(c) || !is_invisible(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sanitize_removes_invisible_characters_and_keeps_joiners() {
        assert_eq!(sanitize("  a\u{0}b\u{1b}[31m\u{202e}c\n\td \u{7f}\u{85}"), "ab[31mc\n\td");
        assert_eq!(sanitize("\u{feff}a\u{2028}b\u{200b}\u{e0041}\u{2066}c"), "abc");
        assert_eq!(sanitize("See\u{e0168}\u{ad}\u{3164}\u{180e}."), "See.");
        assert_eq!(sanitize("👩‍👧 می‌خواهم ❤️"), "👩‍👧 می‌خواهم ❤️");
        assert_eq!(sanitize(&"ä".repeat(9_000)).chars().count(), CHARACTERS_MAX);
        assert_eq!(sanitize(" \n\u{202e}\t"), "");
    }

    #[test]
    fn push_returns_the_same_text_in_pieces() {
        let text = " \n a\u{202e} b\n\n c ";
        let mut sanitizer = Sanitizer::default();
        let pieces: String = text.chars().map(|c| sanitizer.push(&c.to_string())).collect();
        assert_eq!(pieces.trim_end(), sanitize(text));
        let mut long = Sanitizer::default();
        let kept: usize = (0..20).map(|_| long.push(&"x".repeat(1_000)).len()).sum();
        assert_eq!(kept, CHARACTERS_MAX);
    }
}
