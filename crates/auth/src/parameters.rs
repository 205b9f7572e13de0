//! The cost parameters of Argon2id and their limits.

use std::str::FromStr;

use argon2::Params;

use crate::Error;

/// The cost of a password hash (Argon2id, RFC 9106).
///
/// From [`HashParameters::FLOOR`] to [`HashParameters::MAX`]. This crate computes lanes one after
/// the other, so more lanes are not faster. They exist for compatibility with other
/// implementations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashParameters {
    memory_kib: u32,
    iterations: u32,
    lanes: u32,
}

/// Why parameters are rejected. Each message names the range, including its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParametersError {
    /// Memory is below the minimum or above the maximum.
    #[error(
        "memory must be between {min} and {max} KiB",
        min = HashParameters::FLOOR.memory_kib,
        max = HashParameters::MAX.memory_kib
    )]
    Memory,
    /// Iterations are below the minimum or above the maximum.
    #[error(
        "iterations must be between {min} and {max}",
        min = HashParameters::FLOOR.iterations,
        max = HashParameters::MAX.iterations
    )]
    Iterations,
    /// Lanes are below the minimum or above the maximum.
    #[error(
        "lanes must be between {min} and {max}",
        min = HashParameters::FLOOR.lanes,
        max = HashParameters::MAX.lanes
    )]
    Lanes,
    /// The text has another form.
    #[error("must look like m=65536,t=3,p=4 (memory in KiB, passes, lanes)")]
    Form,
}

impl HashParameters {
    /// The minimum: 19 MiB, 2 iterations, 1 lane (OWASP ASVS 5.0, 11.4.2). Fast enough for tests.
    pub const FLOOR: Self = Self { memory_kib: 19 * 1024, iterations: 2, lanes: 1 };

    /// The maximum: 256 MiB, 10 iterations, 16 lanes. A higher value is a mistake, or a stored hash
    /// that is meant to exhaust the server.
    pub const MAX: Self = Self { memory_kib: 256 * 1024, iterations: 10, lanes: 16 };

    /// Takes the memory in KiB, the number of passes over it, and the number of lanes.
    ///
    /// # Errors
    ///
    /// Names the first of the three that is out of its range.
    pub fn new(memory_kib: u32, iterations: u32, lanes: u32) -> Result<Self, ParametersError> {
        let (floor, max) = (Self::FLOOR, Self::MAX);
        if !(floor.memory_kib..=max.memory_kib).contains(&memory_kib) {
            return Err(ParametersError::Memory);
        }
        if !(floor.iterations..=max.iterations).contains(&iterations) {
            return Err(ParametersError::Iterations);
        }
        if !(floor.lanes..=max.lanes).contains(&lanes) {
            return Err(ParametersError::Lanes);
        }
        Ok(Self { memory_kib, iterations, lanes })
    }

    /// Takes the parameters of a stored hash. An old hash may be below the minimum.
    ///
    /// # Errors
    ///
    /// [`Error::UnsupportedHash`] if a parameter is above its maximum.
    pub(crate) fn stored(memory_kib: u32, iterations: u32, lanes: u32) -> Result<Self, Error> {
        let max = Self::MAX;
        if memory_kib > max.memory_kib || iterations > max.iterations || lanes > max.lanes {
            return Err(Error::UnsupportedHash);
        }
        Ok(Self { memory_kib, iterations, lanes })
    }

    /// Returns the parameters in the form that `argon2` takes.
    ///
    /// # Errors
    ///
    /// If Argon2 does not allow the parameters. Only parameters of a stored hash can fail.
    pub(crate) fn params(self, output_length: usize) -> Result<Params, argon2::Error> {
        Params::new(self.memory_kib, self.iterations, self.lanes, Some(output_length))
    }

    /// Returns the memory in KiB.
    #[must_use]
    pub const fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// Returns the number of passes over the memory.
    #[must_use]
    pub const fn iterations(self) -> u32 {
        self.iterations
    }

    /// Returns the number of lanes, also called parallelism.
    #[must_use]
    pub const fn lanes(self) -> u32 {
        self.lanes
    }
}

/// Parses `m=65536,t=3,p=4`, as a PHC string writes the parameters.
impl FromStr for HashParameters {
    type Err = ParametersError;

    fn from_str(text: &str) -> Result<Self, ParametersError> {
        let mut parts = text.split(',');
        let mut next =
            |name: &str| parts.next()?.trim().strip_prefix(name)?.strip_prefix('=')?.parse::<u32>().ok();
        match (next("m"), next("t"), next("p"), parts.next()) {
            (Some(memory), Some(iterations), Some(lanes), None) => Self::new(memory, iterations, lanes),
            _ => Err(ParametersError::Form),
        }
    }
}

impl Default for HashParameters {
    /// 64 MiB, 3 iterations, 4 lanes: the second recommendation of RFC 9106, section 4, and the
    /// default of Python's pwdlib.
    fn default() -> Self {
        Self { memory_kib: 64 * 1024, iterations: 3, lanes: 4 }
    }
}

#[cfg(test)]
mod tests {
    use super::{HashParameters, ParametersError};

    #[test]
    fn from_str_reads_the_form_of_phc_strings() {
        assert_eq!("m=65536,t=3,p=4".parse(), Ok(HashParameters::default()));
        assert_eq!("m=19456, t=2, p=1".parse(), Ok(HashParameters::FLOOR));
        for text in ["", "fast", "m=65536", "t=3,m=65536,p=4", "m=65536,t=3,p=4,x=1", "m=x,t=3,p=4"] {
            assert_eq!(text.parse::<HashParameters>(), Err(ParametersError::Form), "{text}");
        }
        assert_eq!("m=8,t=1,p=1".parse::<HashParameters>(), Err(ParametersError::Memory));
    }

    #[test]
    fn new_rejects_parameters_out_of_range() {
        assert_eq!(HashParameters::new(65_536, 3, 4), Ok(HashParameters::default()));
        assert_eq!(HashParameters::new(19_456, 2, 1), Ok(HashParameters::FLOOR));
        assert!(HashParameters::new(262_144, 10, 16).is_ok());
        for (memory, iterations, lanes, error) in [
            (19_455, 2, 1, ParametersError::Memory),
            (262_145, 2, 1, ParametersError::Memory),
            (u32::MAX, 2, 1, ParametersError::Memory),
            (65_536, 1, 1, ParametersError::Iterations),
            (65_536, 11, 1, ParametersError::Iterations),
            (65_536, 3, 0, ParametersError::Lanes),
            (65_536, 3, 17, ParametersError::Lanes),
        ] {
            assert_eq!(HashParameters::new(memory, iterations, lanes), Err(error));
        }
    }

    #[test]
    fn stored_accepts_parameters_up_to_the_maximum() {
        for (memory, iterations, lanes) in [(8, 1, 1), (262_144, 1, 1), (8, 10, 1), (8, 1, 16)] {
            assert!(HashParameters::stored(memory, iterations, lanes).is_ok());
        }
        for (memory, iterations, lanes) in [(262_145, 1, 1), (8, 11, 1), (8, 1, 17)] {
            assert!(HashParameters::stored(memory, iterations, lanes).is_err());
        }
    }

    #[test]
    fn error_messages_name_the_range() {
        assert_eq!(ParametersError::Memory.to_string(), "memory must be between 19456 and 262144 KiB");
    }
}
