//! Patterns that make a long text easy to guess: repetition and sequences.

/// Rows of keys on US, German and French keyboards.
const ROWS: [&str; 6] = ["1234567890", "qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "zxcvbnm"];

/// Returns true if the text repeats a shorter text, like `abcabcab`.
pub(crate) fn is_repetitive(text: &[char]) -> bool {
    (1..=text.len() / 2).any(|period| text.iter().zip(&text[period..]).all(|(a, b)| a == b))
}

/// Returns true if more than two thirds of the characters follow from the character before.
///
/// A character follows if it is the same, a neighbor in Unicode or a neighbor on the keyboard. In
/// random text about one in five does.
pub(crate) fn is_predictable(text: &[char]) -> bool {
    let steps = text.len().saturating_sub(1);
    let predictable = text.windows(2).filter(|pair| follows(pair[0], pair[1])).count();
    predictable * 3 > steps * 2
}

fn follows(a: char, b: char) -> bool {
    let on_a_row = |row: &&str| match (row.find(a), row.find(b)) {
        (Some(a), Some(b)) => a.abs_diff(b) == 1,
        _ => false,
    };
    u32::from(a).abs_diff(u32::from(b)) <= 1 || ROWS.iter().any(on_a_row)
}

#[cfg(test)]
mod tests {
    use super::{is_predictable, is_repetitive};

    fn chars(text: &str) -> Vec<char> {
        text.chars().collect()
    }

    #[test]
    fn is_repetitive_finds_a_repeated_piece() {
        for text in ["aaaaaaaa", "abababa", "abcabcab", "ab1!ab1!"] {
            assert!(is_repetitive(&chars(text)), "{text}");
        }
        for text in ["", "a", "abcab", "aaaaaaab", "correct horse"] {
            assert!(!is_repetitive(&chars(text)), "{text}");
        }
    }

    #[test]
    fn is_predictable_finds_alphabet_and_keyboard_sequences() {
        for text in [
            "123456789012345",
            "abcdefghijklmnop",
            "qwertyuiopasdfgh",
            "aaaabbbbccccdddd",
            "zyxwvutsrqp7",
            "0987654321",
        ] {
            assert!(is_predictable(&chars(text)), "{text}");
        }
        for text in ["correct horse battery", "xvxm9z8pq7ynk4mr2wl5", "0f1e9a7c55b2", ""] {
            assert!(!is_predictable(&chars(text)), "{text}");
        }
    }
}
