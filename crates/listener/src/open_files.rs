//! The limit of open files, which bounds the number of connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// An unlimited process counts as one with this limit. It is Linux's default maximum.
const UNLIMITED: u64 = 1 << 20;

/// Raises the soft limit of open files (`RLIMIT_NOFILE`) to the hard limit, and returns the limit
/// that then holds.
///
/// Most systems start a service with a soft limit of 1,024, because `select` fails with higher
/// descriptors. Nothing here uses `select`. If the limit cannot be raised, it stays as it is.
pub fn raise_open_file_limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    // macOS rejects an unlimited soft limit.
    let current = if setrlimit(Resource::Nofile, raised).is_ok() { limit.maximum } else { limit.current };
    usize::try_from(current.unwrap_or(UNLIMITED).min(UNLIMITED)).unwrap_or(usize::MAX)
}
