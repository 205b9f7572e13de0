//! The form in which names are compared without case.

use icu_casemap::CaseMapper;
use unicode_normalization::UnicodeNormalization;

/// Returns the form in which texts are compared without case. It is equal for texts that differ
/// only in case or in Unicode composition.
///
/// Two texts have the same form if they are a canonical caseless match (Unicode, section 3.13,
/// D145): the text is decomposed, then its case is folded. The fold is full, so `ß` equals `ss`. It
/// is not Turkic, so `ı` differs from `i`. The form is composed (NFC), and its own form is itself.
///
/// The forms are stored. Unicode never changes the form of a text whose characters are all
/// assigned.
pub(crate) fn caseless(text: &str) -> String {
    let decomposed: String = text.nfd().collect();
    let folded = CaseMapper::new().fold_string(&decomposed);
    folded.nfc().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::{collection, sample};

    use super::*;

    /// Characters that the fold or the composition changes in a special way, and marks that they
    /// combine with.
    const SPECIAL: &str = "AiIıİßẞſŉǰςΣϴΐᾳᾼևǄǅﬃﬅ\
        \u{212a}\u{212b}\u{2126}\u{13a0}\u{ab70}\u{1c90}\u{ac00}\u{1100}\u{1161}\
        \u{300}\u{301}\u{307}\u{308}\u{30c}\u{323}\u{342}\u{345}\u{1d165}";

    fn texts() -> impl Strategy<Value = String> {
        let special = sample::select(SPECIAL.chars().collect::<Vec<char>>());
        let character = prop_oneof![special, any::<char>()];
        collection::vec(character, 0..12).prop_map(String::from_iter)
    }

    proptest! {
        #[test]
        fn caseless_does_not_change_its_own_result(text in texts()) {
            let form = caseless(&text);
            prop_assert_eq!(caseless(&form), form);
        }

        #[test]
        fn caseless_ignores_the_composition(text in texts()) {
            let form = caseless(&text);
            prop_assert_eq!(caseless(&text.nfd().collect::<String>()), form.as_str());
            prop_assert_eq!(caseless(&text.nfc().collect::<String>()), form.as_str());
        }

        #[test]
        fn caseless_ignores_lower_case(text in texts()) {
            prop_assert_eq!(caseless(&text.to_lowercase()), caseless(&text));
        }
    }

    #[test]
    fn caseless_is_in_nfc_and_has_no_capital_letter_of_ascii() {
        // No later character has case or a composition.
        for c in ('\0'..='\u{2ffff}').map(String::from) {
            let form = caseless(&c);
            assert!(form.nfc().eq(form.chars()), "{c:?}");
            assert!(!form.contains(|c: char| c.is_ascii_uppercase()), "{c:?}");
        }
    }
}
