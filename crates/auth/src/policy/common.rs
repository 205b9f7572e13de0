//! Common passwords, and what remains of a password without them.
//!
//! The whole password is judged, not the words in it: one that holds a common word is fine as long as enough else is there.

/// Lower case, letters and digits only, one a line.
const LIST: &str = include_str!("common.txt");

/// Shorter words are too often part of something else.
const SHORTEST_WORD: usize = 3;
/// This many letters and digits beside the known words make a password.
const ENOUGH: usize = 8;

pub(super) fn words() -> impl Iterator<Item = String> {
    LIST.lines().map(str::to_owned)
}

/// The letters and digits of a password in lower case, less the words that were taken out.
pub(super) struct Remainder {
    text: String,
    whole: bool,
}

impl Remainder {
    pub(super) fn of(password: &str) -> Self {
        Self { text: key(password), whole: true }
    }

    /// Takes the words out, the longest first, and leaves a blank for each so that the rest makes no new words.
    pub(super) fn without(mut self, words: impl Iterator<Item = String>) -> Self {
        let mut keys: Vec<String> = words.map(|word| key(&word)).collect();
        keys.sort_by_key(|key| std::cmp::Reverse(key.len()));
        for key in keys.iter().filter(|key| key.chars().count() >= SHORTEST_WORD) {
            if self.text.contains(key) {
                self.text = self.text.replace(key, " ");
                self.whole = false;
            }
        }
        self
    }

    /// Whether something was taken out and too little is left.
    pub(super) fn is_too_little(&self) -> bool {
        !self.whole && self.text.chars().filter(|c| *c != ' ').count() < ENOUGH
    }
}

fn key(text: &str) -> String {
    text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use super::{LIST, SHORTEST_WORD, key};

    #[test]
    fn the_list_is_clean() {
        let mut lines: Vec<&str> = LIST.lines().collect();
        assert!(lines.iter().all(|line| line.len() >= SHORTEST_WORD && key(line) == **line));
        let count = lines.len();
        lines.sort_unstable();
        lines.dedup();
        assert_eq!(lines.len(), count, "a word stands twice");
        assert!(count >= 200);
    }
}
