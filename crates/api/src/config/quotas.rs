//! How much each user may store.

use daybook_persistence::Storage;

use super::byte_size::{MIB, TIB, byte_size};
use super::number::number;
use super::reader::SettingReader;
use super::settings;

/// Reads `DAYBOOK_ITEMS_PER_USER` and `DAYBOOK_BYTES_PER_USER`.
pub(super) fn read(reader: &mut SettingReader<'_>) -> Option<Storage> {
    let items = reader.read(&settings::ITEMS_PER_USER, |text| number(text, 1..=1_000_000_000));
    // The longest note has 400,800 bytes, so a user can store it with any quota.
    let bytes = reader.read(&settings::BYTES_PER_USER, |text| byte_size(text, MIB..=1024 * TIB));
    Some(Storage { items: items?, bytes: bytes? })
}
