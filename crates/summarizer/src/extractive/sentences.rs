//! Splits a note into sentences (Unicode Annex 29), at line ends, and after 500 characters.

use icu_properties::CodePointMapData;
use icu_properties::props::SentenceBreak;
use unicode_segmentation::UnicodeSegmentation;

/// The maximum length of a sentence in characters. A long English sentence has 200. Without a
/// limit, a note without full stops would be its own summary.
const CHARACTERS_MAX: usize = 500;

/// The maximum number of closing marks and spaces in a row. Rule SB8 looks ahead once for each of
/// them that follows a full stop, so a note of brackets would take quadratic time. No real sentence
/// ends with sixteen of them.
const CLOSERS_MAX: usize = 16;

/// Returns the sentences of a text in their order, without surrounding white space.
///
/// The end of a line ends a sentence too. So a heading or an item of a list is a sentence. A
/// sentence of more than 500 characters is cut between words.
pub(super) fn sentences(text: &str) -> Vec<&str> {
    let pieces = text.lines().flat_map(|line| Pieces { rest: line.trim(), end: closers_end });
    let sentences = pieces.flat_map(str::split_sentence_bounds);
    let short = sentences.flat_map(|sentence| Pieces { rest: sentence.trim(), end: words_end });
    short.map(str::trim).filter(|sentence| !sentence.is_empty()).collect()
}

/// Cuts a text into pieces. `end` returns the end of the first piece, which has at least one
/// character.
struct Pieces<'a> {
    rest: &'a str,
    end: fn(&str) -> usize,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        let (piece, rest) = self.rest.split_at((self.end)(self.rest));
        self.rest = rest;
        Some(piece)
    }
}

/// Returns the end of the first run of [`CLOSERS_MAX`] closing marks and spaces.
fn closers_end(text: &str) -> usize {
    let classes = CodePointMapData::<SentenceBreak>::new();
    let mut closers = 0;
    for (index, c) in text.char_indices() {
        match classes.get(c) {
            SentenceBreak::Close | SentenceBreak::Sp => closers += 1,
            // Rule SB5 ignores these.
            SentenceBreak::Extend | SentenceBreak::Format => {}
            _ => closers = 0,
        }
        if closers == CLOSERS_MAX {
            return index + c.len_utf8();
        }
    }
    text.len()
}

/// Returns the end of the last word that fits into [`CHARACTERS_MAX`] characters.
fn words_end(text: &str) -> usize {
    let Some((limit, _)) = text.char_indices().nth(CHARACTERS_MAX) else { return text.len() };
    text[..limit].rfind(' ').map_or(limit, |space| space + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sentences_loses_nothing_but_white_space(text in r"(\PC|[\s.)']|\w{100}){0,40}") {
            let visible = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            let found = sentences(&text);
            prop_assert_eq!(visible(&found.concat()), visible(&text));
            prop_assert!(found.iter().all(|sentence| sentence.chars().count() <= CHARACTERS_MAX));
        }
    }

    #[test]
    fn sentences_end_with_lines_and_full_stops() {
        assert_eq!(sentences("One.\n\n  - Two\r\nThree"), ["One.", "- Two", "Three"]);
        assert_eq!(sentences("It cost 3.5 euro. Too much? No!"), ["It cost 3.5 euro.", "Too much?", "No!"]);
        let cjk = "日本語。".repeat(500);
        assert_eq!(sentences(&cjk), ["日本語。"; 500]);
        assert_eq!(sentences(" \n\t"), [""; 0]);
    }

    /// Counts the characters that rule SB8 looks at in a piece. After `ATerm Close* Sp*`, it looks
    /// at each character up to a letter or the end of a sentence.
    fn steps_of_sb8(piece: &str) -> usize {
        let classes = CodePointMapData::<SentenceBreak>::new();
        let classes: Vec<_> = piece.chars().map(|c| classes.get(c)).collect();
        let is_end = |class: &SentenceBreak| {
            use SentenceBreak as S;
            [S::Lower, S::Upper, S::OLetter, S::ATerm, S::STerm, S::Sep, S::CR, S::LF].contains(class)
        };
        let mut is_after_full_stop = false;
        let mut steps = 0;
        for (index, class) in classes.iter().enumerate() {
            if matches!(*class, SentenceBreak::Extend | SentenceBreak::Format) {
                continue;
            }
            if is_after_full_stop {
                let ahead = &classes[index..];
                steps += ahead.iter().position(is_end).map_or(ahead.len(), |end| end + 1);
            }
            is_after_full_stop = match *class {
                SentenceBreak::ATerm => true,
                SentenceBreak::Close | SentenceBreak::Sp => is_after_full_stop,
                _ => false,
            };
        }
        steps
    }

    #[test]
    fn pieces_bound_the_steps_of_each_character() {
        let commas = format!(".{}", ",".repeat(499));
        let spaces = format!("a.{}", " )".repeat(200));
        let ignored = format!("a.{}", ")\u{301}".repeat(200));
        let mixed = format!("a.)))))))))))))))){}", "1".repeat(480));
        for unit in [".", ". ", ".)", ")", ",", &commas, &spaces, &ignored, &mixed] {
            let steps = |length: usize| {
                let text: String = unit.chars().cycle().take(length).collect();
                Pieces { rest: &text, end: closers_end }.map(steps_of_sb8).sum::<usize>()
            };
            let (half, whole) = (steps(10_000), steps(20_000));
            assert!(whole <= 2 * half + half / 2, "{unit:?}: {half} and {whole}");
            assert!(whole <= (CLOSERS_MAX + 1) * 20_000, "{unit:?}: {whole}");
        }
        // One run of digits at the end of the text is looked at once for each closing mark.
        let tail = |length: usize| format!("a.{}{}", ")".repeat(length), "1".repeat(length));
        let steps = |text: &str| Pieces { rest: text, end: closers_end }.map(steps_of_sb8).sum::<usize>();
        assert!(steps(&tail(10_000)) <= 2 * (CLOSERS_MAX + 1) * 10_000);
    }

    #[test]
    fn sentences_cuts_a_long_paragraph_between_words() {
        let paragraph = "The fence needs paint. ".repeat(100) + "Is it dry? " + &"word ".repeat(200);
        let found = sentences(&paragraph);
        assert!(found.iter().all(|sentence| sentence.chars().count() <= CHARACTERS_MAX), "{found:?}");
        assert_eq!(found.concat().replace(' ', ""), paragraph.replace(' ', ""));
        assert!(found.iter().take(100).all(|sentence| sentence.ends_with('.')), "{found:?}");
        let word = "x".repeat(1_200);
        assert_eq!(sentences(&word).concat(), word);
    }
}
