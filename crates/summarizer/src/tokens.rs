//! Estimates the number of tokens of a text, and truncates and splits texts by that estimate.
//!
//! Own code, because a tokenizer library counts for one family of models only. The operator chooses
//! the model.

use daybook_text::{is_invisible, is_joiner};

/// Returns the estimated size of a character in thirds of a token.
///
/// One token is estimated as three ASCII letters, as one digit or punctuation mark, or as half a
/// character of another script. With thirds, every sum is an integer. The estimate differs from the
/// model's own count, but it only decides where a text is split. The tokens that the provider
/// reports are charged.
///
/// The result is never less than the number of bytes of the character in a prompt. An estimate
/// times three is therefore an upper bound of these bytes.
fn token_thirds(c: char) -> usize {
    match c {
        // JSON writes each of these as two characters, such as `\n`.
        '\n' | '\r' | '\t' => 2,
        ' ' => 1,
        c if c.is_ascii_alphabetic() => 1,
        c if c.is_ascii_control() => 6,
        c if c.is_ascii() => 3,
        // A prompt escapes each of these as two surrogates, with twelve characters in total.
        c if c > '\u{ffff}' && is_invisible(c) && !is_joiner(c) => 12,
        _ => 6,
    }
}

/// Returns the estimated number of tokens in a text, rounded up.
pub(crate) fn estimate(text: &str) -> usize {
    text.chars().map(token_thirds).sum::<usize>().div_ceil(3)
}

/// Returns the longest beginning of a text that has at most this many estimated tokens.
pub(crate) fn truncate(text: &str, tokens: usize) -> &str {
    let mut remaining = tokens * 3;
    for (index, c) in text.char_indices() {
        match remaining.checked_sub(token_thirds(c)) {
            Some(rest) => remaining = rest,
            None => return &text[..index],
        }
    }
    text
}

/// Splits a text into pieces of at most this many estimated tokens each.
///
/// A piece ends after a paragraph, a line, a sentence or a word, in this order of preference. The
/// end must be in the second half of the piece. Otherwise the piece ends at the limit. The pieces
/// together are the whole text.
pub(crate) fn split(text: &str, tokens: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    loop {
        let longest = truncate(rest, tokens.max(1));
        if longest.len() == rest.len() {
            pieces.push(rest.to_owned());
            return pieces;
        }
        let ends =
            ["\n\n", "\n", ". ", " "].iter().filter_map(|end| longest.rfind(end).map(|at| at + end.len()));
        // A piece has at least one character, even if that character alone exceeds the limit.
        let first = rest.chars().next().map_or(rest.len(), char::len_utf8);
        let cut = ends.into_iter().find(|end| *end > longest.len() / 2).unwrap_or(longest.len()).max(first);
        pieces.push(rest[..cut].to_owned());
        rest = &rest[cut..];
        if rest.is_empty() {
            return pieces;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn split_cuts_between_words_and_loses_nothing() {
        for text in [
            "word ".repeat(5_000),
            "Ein Satz. ".repeat(2_000),
            "語".repeat(9_000),
            "x".repeat(30_000),
            "a\n\nb".repeat(7_000),
        ] {
            let pieces = split(&text, 500);
            assert_eq!(pieces.concat(), text);
            assert!(pieces.len() > 5, "{}", pieces.len());
            assert!(pieces.iter().all(|piece| estimate(piece) <= 500));
            if text.contains(' ') {
                assert!(pieces.iter().rev().skip(1).all(|piece| piece.ends_with(' ')), "a word was cut");
            }
        }
        assert_eq!(split("", 10), [""]);
        assert_eq!(split("語語", 1), ["語", "語"]);
    }
}
