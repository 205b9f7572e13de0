//! Parses integers from texts, as leniently as Pydantic.

/// Parses an integer from a text such as `7`, ` +1_000 ` or `7.0`.
///
/// It accepts blanks around the number, a sign, single underscores between digits, and a fraction
/// of at least one zero. A number beyond 128 bits becomes the nearest one within. The caller checks
/// the range.
pub(crate) fn parse(text: &str) -> Option<i128> {
    let text = text.trim();
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let whole = match digits.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() && fraction.bytes().all(|b| b == b'0') => whole,
        Some(_) => return None,
        None => digits,
    };
    let is_valid =
        whole.split('_').all(|group| !group.is_empty() && group.bytes().all(|b| b.is_ascii_digit()));
    if !is_valid {
        return None;
    }
    let magnitude = whole
        .bytes()
        .filter(u8::is_ascii_digit)
        .fold(0_i128, |number, digit| number.saturating_mul(10).saturating_add(i128::from(digit - b'0')));
    Some(if negative { -magnitude } else { magnitude })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn parse_is_as_lenient_as_pydantic() {
        for (text, number) in [
            ("7", 7),
            (" 7 ", 7),
            ("+7", 7),
            ("-7", -7),
            ("1_000", 1_000),
            ("7.0", 7),
            ("7.000", 7),
            ("007", 7),
            ("99999999999999999999", 99_999_999_999_999_999_999),
            (&"9".repeat(99), i128::MAX),
            (&format!("-{}", "9".repeat(99)), -i128::MAX),
        ] {
            assert_eq!(parse(text), Some(number), "{text:?}");
        }
    }

    #[test]
    fn parse_rejects_other_texts() {
        for text in [
            "", " ", "x", "1.5", "1e3", "0x10", "_1", "1_", "1__0", "--1", "+-1", "٣", ".0", "1 2", "7.",
            "7. ", "-7.", "7..0", "7.0.",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
