//! Integers in texts, as lenient as Pydantic's.

/// Reads an integer from a query, a path or a form: blanks around it, a sign, underscores between digits and a fraction of zeros
/// are tolerated. What does not fit 64 bits becomes the nearest number that does: there is nothing with such an id, and no such
/// limit.
pub(crate) fn parse_integer(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let whole = match digits.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|b| b == b'0') => whole,
        Some(_) => return None,
        None => digits,
    };
    let tidy = whole.split('_').all(|group| !group.is_empty() && group.bytes().all(|b| b.is_ascii_digit()));
    if !tidy {
        return None;
    }
    let magnitude = whole
        .bytes()
        .filter(u8::is_ascii_digit)
        .fold(0_i64, |number, digit| number.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    Some(if negative { -magnitude } else { magnitude })
}

#[cfg(test)]
mod tests {
    use super::parse_integer;

    #[test]
    fn as_lenient_as_pydantic() {
        for (text, number) in [
            ("7", 7),
            (" 7 ", 7),
            ("+7", 7),
            ("-7", -7),
            ("1_000", 1_000),
            ("7.0", 7),
            ("7.", 7),
            ("007", 7),
            ("99999999999999999999", i64::MAX),
            ("-99999999999999999999", -i64::MAX),
        ] {
            assert_eq!(parse_integer(text), Some(number), "{text:?}");
        }
    }

    #[test]
    fn and_not_more() {
        for text in ["", " ", "x", "1.5", "1e3", "0x10", "_1", "1_", "1__0", "--1", "+-1", "٣", ".0", "1 2"]
        {
            assert_eq!(parse_integer(text), None, "{text:?}");
        }
    }
}
