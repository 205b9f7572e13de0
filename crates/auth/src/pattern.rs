//! Texts that look long and hold little.

/// Keys that lie side by side.
const ROWS: [&str; 6] = ["1234567890", "qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "zxcvbnm"];

/// Whether the text is a shorter one over and over, like `abcabcab`.
pub(crate) fn repeats(text: &[char]) -> bool {
    (1..=text.len() / 2).any(|period| text.iter().zip(&text[period..]).all(|(a, b)| a == b))
}

/// Whether more than two thirds of the characters follow from the one before: the same again, the next in the alphabet, or
/// the next key. In random text about one in five does.
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
    use super::{is_predictable, repeats};

    fn chars(text: &str) -> Vec<char> {
        text.chars().collect()
    }

    #[test]
    fn repeated() {
        for text in ["aaaaaaaa", "abababa", "abcabcab", "ab1!ab1!"] {
            assert!(repeats(&chars(text)), "{text}");
        }
        for text in ["", "a", "abcab", "aaaaaaab", "correct horse"] {
            assert!(!repeats(&chars(text)), "{text}");
        }
    }

    #[test]
    fn predictable() {
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
