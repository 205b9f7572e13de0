//! The list of common passwords, and the check that enough letters remain without known words.

use std::cmp::Reverse;

/// One password a line, in lower case, letters and digits only.
const LIST: &str = include_str!("common.txt");

/// In characters. Shorter words often occur inside other words by chance.
const WORD_MIN: usize = 3;
/// The number of letters and digits that a password needs beside known words.
const REMAINDER_MIN: usize = 8;

/// Returns the common passwords.
pub(super) fn words() -> impl Iterator<Item = String> {
    LIST.lines().map(str::to_owned)
}

/// The letters and digits of a password in lower case, without the words that were removed.
pub(super) struct Remainder {
    text: String,
    /// True if at least one word was removed.
    shortened: bool,
}

impl Remainder {
    pub(super) fn of(password: &str) -> Self {
        Self { text: normalized(password), shortened: false }
    }

    /// Removes the words, the longest first. A space replaces each word, so that the text before it
    /// and the text after it do not join into another word.
    pub(super) fn without(mut self, words: impl Iterator<Item = String>) -> Self {
        let mut words: Vec<String> = words.map(|word| normalized(&word)).collect();
        words.sort_by_key(|word| Reverse(word.len()));
        for word in words.iter().filter(|word| word.chars().count() >= WORD_MIN) {
            if self.text.contains(word) {
                self.text = self.text.replace(word, " ");
                self.shortened = true;
            }
        }
        self
    }

    /// Returns true if a word was removed and the remainder is too short.
    pub(super) fn is_too_short(&self) -> bool {
        self.shortened && self.text.chars().filter(|c| *c != ' ').count() < REMAINDER_MIN
    }
}

/// Returns the letters and digits of a text in lower case.
fn normalized(text: &str) -> String {
    text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use super::{LIST, WORD_MIN, normalized};

    #[test]
    fn the_list_is_normalized_and_has_no_duplicates() {
        let mut lines: Vec<&str> = LIST.lines().collect();
        assert!(lines.iter().all(|line| line.len() >= WORD_MIN && normalized(line) == **line));
        let count = lines.len();
        lines.sort_unstable();
        lines.dedup();
        assert_eq!(lines.len(), count, "a word is listed twice");
        assert!(count >= 200);
    }
}
