//! Compares names without their case, diacritics and punctuation.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Returns the words of a name in lower case, without diacritics, with single spaces between them.
///
/// `Île-de-France` becomes `ile de france`.
pub(super) fn fold(name: &str) -> String {
    let plain: String = name.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect();
    let words: Vec<_> = plain.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// Returns true if the folded name contains all words of the other one in their order.
pub(super) fn contains_words(name: &str, words: &str) -> bool {
    format!(" {name} ").contains(&format!(" {words} "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fold_removes_case_diacritics_and_punctuation() {
        for (name, folded) in [
            ("Île-de-France", "ile de france"),
            ("  São  Paulo ", "sao paulo"),
            ("Provence-Alpes-Côte d’Azur", "provence alpes cote d azur"),
            ("St. Gallen", "st gallen"),
            ("İzmir", "izmir"),
            ("東京都", "東京都"),
            ("—", ""),
        ] {
            assert_eq!(fold(name), folded);
        }
    }

    #[test]
    fn contains_words_finds_whole_words_only() {
        assert!(contains_words("metropolitan city of milan", "milan"));
        assert!(contains_words("west virginia", "virginia"));
        assert!(!contains_words("arkansas", "kansas"));
        assert!(!contains_words("new york", "york new"));
    }
}
