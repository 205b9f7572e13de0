//! What a model wrote, made fit to be shown: plain text.

/// The longest summary, in characters: twelve long sentences are half of it, and what is longer is no summary.
const CHARACTERS_MAX: usize = 8_000;

/// Takes a text in pieces: without control characters but line breaks and tabs, without characters that turn the direction of writing or cannot be
/// seen, without white space before it, and not too long.
#[derive(Default)]
pub(super) struct Plain {
    characters: usize,
}

impl Plain {
    /// What is left of the next piece.
    pub(super) fn next(&mut self, piece: &str) -> String {
        let mut kept = String::with_capacity(piece.len());
        for c in piece.chars().filter(is_plain) {
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

/// A whole text.
pub(super) fn plain(text: &str) -> String {
    let mut kept = Plain::default().next(text);
    kept.truncate(kept.trim_end().len());
    kept
}

fn is_plain(c: &char) -> bool {
    match c {
        '\n' | '\t' => true,
        // Marks, embeddings, overrides and isolates of direction (Unicode, annex 9); line and paragraph separators, which some readers take for
        // ends of lines.
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => false,
        // What is never seen and can carry hidden text (the property Default_Ignorable_Code_Point), but for what joins letters and signs into one and
        // what chooses between a sign and its picture; and annotations.
        '\u{200c}' | '\u{200d}' | '\u{fe0e}' | '\u{fe0f}' => true,
        '\u{00ad}'
        | '\u{034f}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0d}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' => false,
        _ => !c.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_made_plain() {
        assert_eq!(plain("  a\u{0}b\u{1b}[31m\u{202e}c\n\td \u{7f}\u{85}"), "ab[31mc\n\td");
        assert_eq!(plain("\u{feff}a\u{2028}b\u{200b}\u{e0041}\u{2066}c"), "abc");
        assert_eq!(plain("See\u{e0168}\u{ad}\u{3164}\u{180e}."), "See.");
        // What joins letters and signs into one must stay.
        assert_eq!(plain("👩‍👧 می‌خواهم ❤️"), "👩‍👧 می‌خواهم ❤️");
        assert_eq!(plain(&"ä".repeat(9_000)).chars().count(), CHARACTERS_MAX);
        assert_eq!(plain(" \n\u{202e}\t"), "");
    }

    #[test]
    fn pieces_make_the_same_text() {
        let text = " \n a\u{202e} b\n\n c ";
        let mut plain_pieces = Plain::default();
        let pieces: String = text.chars().map(|c| plain_pieces.next(&c.to_string())).collect();
        assert_eq!(pieces.trim_end(), plain(text));
        let mut long = Plain::default();
        let kept: usize = (0..20).map(|_| long.next(&"x".repeat(1_000)).len()).sum();
        assert_eq!(kept, CHARACTERS_MAX);
    }
}
