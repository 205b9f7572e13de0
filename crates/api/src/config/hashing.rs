//! The settings of password hashing.

use std::ops::RangeInclusive;

use daybook_auth::HashParameters;

use super::reader::SettingReader;
use super::settings;

/// In MiB: from the least that a hash can take to 1 TiB.
const MEMORY: RangeInclusive<usize> = 19..=1_048_576;

#[derive(Debug, Clone)]
pub(crate) struct HashingConfig {
    pub(crate) parameters: HashParameters,
    /// `None` leaves it to the cores and the memory.
    pub(crate) threads: Option<usize>,
    /// `None` leaves it to the memory limit.
    pub(crate) memory_mib: Option<usize>,
}

impl HashingConfig {
    pub(super) fn read(reader: &mut SettingReader<'_>) -> Option<Self> {
        let parameters = reader.read(&settings::ARGON2, str::parse);
        let threads = reader.read(&settings::HASHING_THREADS, |text| number(text, 1..=512));
        let memory_mib = reader.read(&settings::HASHING_MEMORY, |text| number(text, MEMORY));
        Some(Self { parameters: parameters?, threads, memory_mib })
    }
}

fn number(text: &str, range: RangeInclusive<usize>) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(format!("must be a number from {} to {}", range.start(), range.end())),
    }
}
