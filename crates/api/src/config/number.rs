//! Numbers within a range.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// Parses a number within a range.
///
/// # Errors
///
/// A sentence that names the range. Its subject is the setting.
pub(super) fn number<N>(text: &str, range: RangeInclusive<N>) -> Result<N, String>
where
    N: FromStr + PartialOrd + Display,
{
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| format!("must be a number from {} to {}", range.start(), range.end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_accepts_the_ends_of_the_range_and_names_them_otherwise() {
        for (text, expected) in [("1", Ok(1)), ("512", Ok(512))] {
            assert_eq!(number(text, 1..=512), expected);
        }
        for text in ["0", "513", "-1", "1.5", "1 ", "many", "99999999999999999999", ""] {
            let sentence = "must be a number from 1 to 512".to_owned();
            assert_eq!(number::<u64>(text, 1..=512), Err(sentence), "{text}");
        }
    }
}
