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
        // ends of lines; what is never seen and can carry hidden text: joiners of words, tags, annotations, the byte order mark.
        '\u{061c}'
        | '\u{200b}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' => false,
        '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' => false,
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
        // What joins letters and signs into one must stay.
        assert_eq!(plain("👩‍👧 می‌خواهم"), "👩‍👧 می‌خواهم");
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
