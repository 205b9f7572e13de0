//! The threads and the memory of password hashing, from the settings and the limits of the machine.

use std::num::NonZero;
use std::thread::available_parallelism;

use daybook_auth::{HashParameters, HasherOptions};

use crate::config::HashingConfig;
use crate::failure::Failure;
use crate::memory_limit::memory_limit;

/// Returns the options for this machine. Logs a warning if the settings exceed its limits.
///
/// # Errors
///
/// If the memory has no room for one hash. The message names the settings and the figures.
pub(crate) fn hasher_options(config: &HashingConfig) -> Result<HasherOptions, Failure> {
    // Respects the processor limit of a cgroup.
    let cores = available_parallelism().map_or(1, NonZero::get);
    let limit = memory_limit().map(|bytes| usize::try_from(bytes / 1024).unwrap_or(usize::MAX));
    options(config, cores, limit)
}

/// `limit_kib` is the memory that the process may use.
fn options(config: &HashingConfig, cores: usize, limit_kib: Option<usize>) -> Result<HasherOptions, Failure> {
    let HashingConfig { parameters, threads, memory_kib } = *config;
    let limit_kib = limit_kib.unwrap_or(usize::MAX);
    // The other half is for requests and responses.
    let available_kib = memory_kib.unwrap_or(limit_kib / 2);
    let concurrent = available_kib / parameters.memory_kib() as usize;
    if concurrent == 0 {
        let hash = parameters.memory_kib().div_ceil(1024);
        let available = match memory_kib {
            Some(kib) => format!("DAYBOOK_HASHING_MEMORY is {} MiB", kib / 1024),
            None => format!(
                "half of the memory limit of {} MiB is less: raise that limit or set DAYBOOK_HASHING_MEMORY",
                limit_kib / 1024
            ),
        };
        return Err(format!("one password hash takes {hash} MiB (DAYBOOK_ARGON2), but {available}").into());
    }
    if let Some(kib) = memory_kib.filter(|kib| *kib > limit_kib) {
        let (mib, limit) = (kib / 1024, limit_kib / 1024);
        tracing::warn!(mib, limit, "DAYBOOK_HASHING_MEMORY is more than the memory limit");
    }
    if let Some(threads) = threads.filter(|threads| *threads > concurrent) {
        tracing::warn!(threads, concurrent, "DAYBOOK_HASHING_THREADS is more than the memory has room for");
    }
    let threads = threads.unwrap_or(cores).min(concurrent);
    // The threads cannot use more than this.
    let most = threads * HashParameters::MAX.memory_kib() as usize;
    let memory_kib = available_kib.min(most);
    Ok(HasherOptions { parameters, memory_kib, ..HasherOptions::with_threads(threads) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the threads and the memory in MiB. `limit` is in MiB.
    fn chosen(
        (threads, memory_mib): (Option<usize>, Option<usize>),
        cores: usize,
        limit: Option<usize>,
    ) -> Result<(usize, usize), String> {
        let memory_kib = memory_mib.map(|mib| mib * 1024);
        let config = HashingConfig { parameters: HashParameters::default(), threads, memory_kib };
        let options =
            options(&config, cores, limit.map(|mib| mib * 1024)).map_err(|error| error.to_string())?;
        assert!(options.threads * 64 * 1024 <= options.memory_kib);
        Ok((options.threads, options.memory_kib / 1024))
    }

    #[test]
    fn options_respect_the_memory_limit_and_the_settings() {
        for (settings, cores, limit, expected) in [
            ((None, None), 2, Some(24_000), (2, 512)),
            ((None, None), 64, Some(1_024), (8, 512)),
            ((None, None), 64, Some(131_072), (64, 16_384)),
            ((None, None), 2, Some(128), (1, 64)),
            ((None, None), 2, None, (2, 512)),
            ((Some(1), None), 2, Some(24_000), (1, 256)),
            ((Some(16), None), 2, Some(24_000), (16, 4_096)),
            ((Some(16), None), 2, Some(1_024), (8, 512)),
            ((None, Some(64)), 2, Some(100), (1, 64)),
            ((None, Some(768)), 64, Some(1_024), (12, 768)),
            ((None, Some(2_048)), 64, Some(1_024), (32, 2_048)),
            ((Some(3), Some(1_048_576)), 2, Some(1_024), (3, 768)),
        ] {
            assert_eq!(chosen(settings, cores, limit), Ok(expected), "{settings:?} {cores} {limit:?}");
        }
    }

    #[test]
    fn options_keep_the_parameters_of_the_settings() {
        let parameters = HashParameters::new(32 * 1024, 4, 1).unwrap();
        let config = HashingConfig { parameters, threads: None, memory_kib: Some(96 * 1024) };
        let options = options(&config, 8, None).unwrap();
        assert_eq!((options.parameters, options.threads), (parameters, 3));
    }

    #[test]
    fn options_without_room_for_one_hash_name_the_settings_and_the_figures() {
        let error = chosen((None, None), 2, Some(127)).unwrap_err();
        let names = ["64 MiB (DAYBOOK_ARGON2)", "limit of 127 MiB", "DAYBOOK_HASHING_MEMORY"];
        assert!(names.iter().all(|name| error.contains(name)), "{error}");
        let error = chosen((Some(1), Some(63)), 2, Some(24_000)).unwrap_err();
        let names = ["64 MiB (DAYBOOK_ARGON2)", "DAYBOOK_HASHING_MEMORY is 63 MiB"];
        assert!(names.iter().all(|name| error.contains(name)), "{error}");
    }
}
