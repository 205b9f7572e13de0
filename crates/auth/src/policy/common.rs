//! The list of common passwords.

use std::cmp::Ordering;

/// One password a line, in the order of their bytes: ASCII letters in lower case, and digits.
///
/// `data/README.md` has the source, the license and the command that makes the file.
const LIST: &str = include_str!("../../data/common-passwords.txt");

/// Returns true if the list has this text of letters and digits in lower case.
///
/// Searches the text of the list itself, so there is no index to build or keep. A search takes 13
/// steps.
pub(super) fn is_common(text: &str) -> bool {
    let mut lines = LIST.trim_end();
    while !lines.is_empty() {
        let (before, after) = lines.split_at(lines.len() / 2);
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let end = before.len() + after.find('\n').unwrap_or(after.len());
        let line = lines.get(start..end).unwrap_or_default();
        match text.cmp(line) {
            Ordering::Less => lines = lines.get(..start.saturating_sub(1)).unwrap_or_default(),
            Ordering::Equal => return true,
            Ordering::Greater => lines = lines.get(end + 1..).unwrap_or_default(),
        }
    }
    false
}

#[cfg(test)]
pub(super) fn list() -> impl Iterator<Item = &'static str> {
    LIST.lines()
}

#[cfg(test)]
mod tests {
    use super::{LIST, is_common};

    #[test]
    fn the_list_is_normalized_and_in_order() {
        let lines: Vec<&str> = LIST.lines().collect();
        let normalized = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        assert!(lines.iter().all(|line| line.len() >= 4 && line.bytes().all(normalized)));
        assert!(lines.is_sorted_by(|a, b| a < b), "a line is out of order or listed twice");
    }

    /// OWASP ASVS 5.0, 6.2.4: at least 3,000 passwords that the rest of the policy would accept.
    #[test]
    fn the_list_has_3_000_passwords_of_15_characters() {
        assert!(LIST.lines().filter(|line| line.len() >= 15).count() >= 3_000);
        assert!(LIST.lines().filter(|line| line.len() < 15).count() >= 5_000);
    }

    #[test]
    fn is_common_finds_the_lines_and_nothing_else() {
        for line in LIST.lines() {
            assert!(is_common(line), "{line:?}");
        }
        for absent in ["", "\n", "0", "passwordq", "zzzzzzzzzz", "qwerty\nqwerty", "pässword", "\u{10FFFF}"]
        {
            assert!(!is_common(absent), "{absent:?}");
        }
    }
}
