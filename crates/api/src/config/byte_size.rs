//! Sizes in bytes as people write them: `500MiB`, `2GiB`.

use std::ops::RangeInclusive;

pub(super) const MIB: u64 = 1 << 20;
pub(super) const TIB: u64 = 1 << 40;

/// The binary units (IEC 80000-13), largest first.
const UNITS: [(&str, u64); 5] = [("TiB", TIB), ("GiB", 1 << 30), ("MiB", MIB), ("KiB", 1 << 10), ("B", 1)];

/// Parses a whole number of bytes, or of a binary unit, within a range. Returns bytes.
///
/// # Errors
///
/// A sentence that names the range. Its subject is the setting.
pub(super) fn byte_size(text: &str, range: RangeInclusive<u64>) -> Result<u64, String> {
    let bytes = parse(text).filter(|bytes| range.contains(bytes));
    bytes.ok_or_else(|| {
        let (min, max) = (in_units(*range.start()), in_units(*range.end()));
        format!("must be a size from {min} to {max}, like 512MiB or 2GiB")
    })
}

fn parse(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start();
    let bytes = match unit {
        "" => 1,
        _ => UNITS.iter().find(|(name, _)| *name == unit)?.1,
    };
    number.parse::<u64>().ok()?.checked_mul(bytes)
}

/// Returns the size in the largest unit of which it is a whole number.
fn in_units(size: u64) -> String {
    let unit = UNITS.iter().find(|(_, bytes)| size.is_multiple_of(*bytes));
    unit.map_or_else(|| size.to_string(), |(name, bytes)| format!("{}{name}", size / bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_size_accepts_plain_numbers_and_binary_units() {
        for (text, expected) in [
            ("2GiB", Some(2_147_483_648)),
            ("2 GiB", Some(2_147_483_648)),
            ("500MiB", Some(524_288_000)),
            ("1048576", Some(1_048_576)),
            ("1048576B", Some(1_048_576)),
            ("1024KiB", Some(1_048_576)),
            ("1024TiB", Some(1_125_899_906_842_624)),
            ("1048575", None),
            ("1025TiB", None),
            ("18446744073709551615TiB", None),
            ("99999999999999999999", None),
            ("2GB", None),
            ("2gib", None),
            ("1.5GiB", None),
            ("-1GiB", None),
            ("GiB", None),
            ("", None),
        ] {
            assert_eq!(byte_size(text, MIB..=1024 * TIB).ok(), expected, "{text}");
        }
    }

    #[test]
    fn byte_size_names_the_range_in_its_units() {
        for (range, expected) in [
            (19 * MIB..=TIB, "must be a size from 19MiB to 1TiB, "),
            (1_536..=1024 * TIB, "must be a size from 1536B to 1024TiB, "),
        ] {
            let sentence = byte_size("many", range).unwrap_err();
            assert!(sentence.starts_with(expected), "{sentence}");
        }
    }
}
