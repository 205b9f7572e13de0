//! How much each user may store.

use daybook_persistence::Storage;

use super::reader::SettingReader;
use super::settings;

/// Reads `DAYBOOK_ITEMS_PER_USER` and `DAYBOOK_BYTES_PER_USER`.
pub(super) fn read(reader: &mut SettingReader<'_>) -> Option<Storage> {
    let items = reader.read(&settings::ITEMS_PER_USER, items);
    let bytes = reader.read(&settings::BYTES_PER_USER, bytes);
    Some(Storage { items: items?, bytes: bytes? })
}

fn items(text: &str) -> Result<u64, &'static str> {
    match text.parse() {
        Ok(items @ 1..=1_000_000_000) => Ok(items),
        _ => Err("must be a number from 1 to 1000000000"),
    }
}

/// The longest note has 400,800 bytes, so a user can store it with any quota.
fn bytes(text: &str) -> Result<u64, &'static str> {
    let bytes = byte_size(text).filter(|bytes| (MIB..=1024 * TIB).contains(bytes));
    bytes.ok_or("must be a number of bytes from 1MiB to 1024TiB, like 500MiB or 2GiB")
}

const MIB: u64 = 1 << 20;
const TIB: u64 = 1 << 40;

/// Parses a whole number of bytes, or of a binary unit (IEC 80000-13).
fn byte_size(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = match unit.trim_start() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => MIB,
        "GiB" => 1 << 30,
        "TiB" => TIB,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_accepts_plain_numbers_and_binary_units() {
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
            assert_eq!(bytes(text).ok(), expected, "{text}");
        }
    }
}
