//! Estimates how much of a password an attacker must guess who tries known pieces first.

use super::common::is_common;

/// In characters. Shorter words often occur inside other words by chance.
const PIECE_MIN: usize = 4;
/// In characters. A username may have only three.
const FACT_MIN: usize = 3;
/// A common word counts as two characters: the list has 2¹³ words, and two characters have 2¹⁰ to
/// 2¹³ forms.
const PIECE_COST: usize = 2;
/// The smallest accepted cost. Four different common words reach it, so a passphrase of short and
/// frequent words is accepted.
const COST_MIN: usize = 8;

/// Public facts about a user, as letters and digits in lower case.
#[derive(Default)]
pub(super) struct Facts(Vec<String>);

impl Facts {
    /// Facts of fewer than three letters and digits are left out.
    pub(super) fn new<'a>(facts: impl Iterator<Item = &'a str>) -> Self {
        Self(facts.map(normalized).filter(|fact| has_at_least(FACT_MIN, fact)).collect())
    }
}

/// Returns true if the password has known pieces, and too little beside them.
///
/// Case, blanks and punctuation do not count.
pub(super) fn is_guessable(password: &str, facts: &Facts) -> bool {
    let text = normalized(password);
    let cost = cost(&text, facts);
    // Without a known piece, the cost is the number of characters.
    cost < COST_MIN && cost < text.chars().count()
}

/// Returns the cost of the cheapest way to divide the text into known pieces and single characters.
///
/// A single character costs 1. A common word, a year or a repetition of earlier text costs 2. A
/// fact costs nothing, because an attacker knows it.
fn cost(text: &str, Facts(facts): &Facts) -> usize {
    let mut total = 0;
    // Every position in the text, with the cost of the text before it.
    let mut costs = vec![(0, total)];
    for (last, c) in text.char_indices() {
        let end = last + c.len_utf8();
        total += 1;
        for (start, before) in &costs {
            let Some(piece) = text.get(*start..end) else { continue };
            if *before < total && facts.iter().any(|fact| fact == piece) {
                total = *before;
            } else if before + PIECE_COST < total && is_known(piece, text.get(..last).unwrap_or_default()) {
                total = before + PIECE_COST;
            }
        }
        costs.push((end, total));
    }
    total
}

/// `earlier` is the text before the last character of the piece, so a repetition may overlap the
/// text that it repeats.
fn is_known(piece: &str, earlier: &str) -> bool {
    has_at_least(PIECE_MIN, piece) && (is_year(piece) || is_common(piece) || earlier.contains(piece))
}

/// Returns true for the years from 1900 to 2099.
fn is_year(text: &str) -> bool {
    text.len() == 4
        && (text.starts_with("19") || text.starts_with("20"))
        && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns true if the text has at least `min` characters. `min` is at least 1.
fn has_at_least(min: usize, text: &str) -> bool {
    text.chars().nth(min - 1).is_some()
}

/// Returns the letters and digits of a text in lower case.
fn normalized(text: &str) -> String {
    text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Facts, cost};

    #[test]
    fn cost_counts_the_characters_beside_known_pieces() {
        let facts = Facts::new(["Ada", "Ada.Lovelace", "", "x"].into_iter());
        for (text, expected) in [
            ("", 0),
            ("x7k", 3),
            ("password", 2),
            ("password7", 3),
            ("passwordx7k", 5),
            ("shadowshadow", 4),
            ("monkeydragonmonkeydragon", 6),
            ("monkeydragonshadowpurple", 8),
            // The first character, and its repetition.
            ("éééééééé", 3),
            ("x7k2026", 5),
            ("x7k2126", 7),
            ("ada", 0),
            ("adaada", 0),
            ("adalovelacex7k", 3),
            ("adapassword", 2),
        ] {
            assert_eq!(cost(text, &facts), expected, "{text:?}");
        }
    }

    #[test]
    fn cost_finds_the_cheapest_division() {
        // A search from the left or for the longest word first finds `monkey1` or `1password`, and
        // would leave the rest of the other word.
        for text in ["monkey1password", "dragon1111password1", "pass1234word"] {
            assert!(cost(text, &Facts::default()) <= 6, "{text:?}");
        }
    }
}
