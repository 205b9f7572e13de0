//! The settings of password hashing.

use daybook_auth::HashParameters;

use super::byte_size::{TIB, byte_size};
use super::number::number;
use super::reader::SettingReader;
use super::settings;

/// The least memory that a new hash can take, in bytes.
const MEMORY_MIN: u64 = HashParameters::FLOOR.memory_kib() as u64 * 1024;

#[derive(Debug, Clone)]
pub(crate) struct HashingConfig {
    pub(crate) parameters: HashParameters,
    /// `None` leaves it to the cores and the memory.
    pub(crate) threads: Option<usize>,
    /// `None` leaves it to the memory limit.
    pub(crate) memory_kib: Option<usize>,
}

impl HashingConfig {
    pub(super) fn read(reader: &mut SettingReader<'_>) -> Option<Self> {
        let parameters = reader.read(&settings::ARGON2, str::parse);
        let threads = reader.read(&settings::HASHING_THREADS, |text| number(text, 1..=512));
        let memory = reader.read(&settings::HASHING_MEMORY, |text| byte_size(text, MEMORY_MIN..=TIB));
        let memory_kib = memory.map(|bytes| usize::try_from(bytes / 1024).unwrap_or(usize::MAX));
        Some(Self { parameters: parameters?, threads, memory_kib })
    }
}
