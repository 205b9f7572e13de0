use argon2::Params;

use crate::Error;

/// How much work a password hash is (Argon2id, RFC 9106).
///
/// Between [`HashParameters::FLOOR`] and 256 MiB, 10 iterations, 16 lanes. Lanes are computed one after the other here: more
/// of them make nothing faster and are part of what makes a hash compatible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashParameters {
    memory_kib: u32,
    iterations: u32,
    lanes: u32,
}

/// Why parameters are refused; each names the range, ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParametersError {
    /// Memory is under the floor or over the cap.
    #[error("memory must be between {min} and {max} KiB", min = HashParameters::FLOOR.memory_kib, max = MAX.memory_kib)]
    Memory,
    /// Iterations are under the floor or over the cap.
    #[error("iterations must be between {min} and {max}", min = HashParameters::FLOOR.iterations, max = MAX.iterations)]
    Iterations,
    /// Lanes are under the floor or over the cap.
    #[error("lanes must be between {min} and {max}", min = HashParameters::FLOOR.lanes, max = MAX.lanes)]
    Lanes,
}

/// More than any of these is a mistake, or somebody who wants the machine's memory.
const MAX: HashParameters = HashParameters { memory_kib: 256 * 1024, iterations: 10, lanes: 16 };

impl HashParameters {
    /// The least that is accepted, and what tests use: 19 MiB, 2 iterations, 1 lane (OWASP ASVS 5.0, 11.4.2).
    pub const FLOOR: Self = Self { memory_kib: 19 * 1024, iterations: 2, lanes: 1 };

    /// Memory in KiB, passes over it, and lanes.
    ///
    /// # Errors
    ///
    /// The first of the three that is out of its range.
    pub fn new(memory_kib: u32, iterations: u32, lanes: u32) -> Result<Self, ParametersError> {
        let floor = Self::FLOOR;
        if !(floor.memory_kib..=MAX.memory_kib).contains(&memory_kib) {
            return Err(ParametersError::Memory);
        }
        if !(floor.iterations..=MAX.iterations).contains(&iterations) {
            return Err(ParametersError::Iterations);
        }
        if !(floor.lanes..=MAX.lanes).contains(&lanes) {
            return Err(ParametersError::Lanes);
        }
        Ok(Self { memory_kib, iterations, lanes })
    }

    /// The parameters of a stored hash: an old one may be under the floor, none may be over the caps.
    pub(crate) fn stored(memory_kib: u32, iterations: u32, lanes: u32) -> Result<Self, Error> {
        if memory_kib > MAX.memory_kib || iterations > MAX.iterations || lanes > MAX.lanes {
            return Err(Error::UnsupportedHash);
        }
        Ok(Self { memory_kib, iterations, lanes })
    }

    /// The same for the algorithm; fails for stored parameters that no Argon2 allows.
    pub(crate) fn params(self, output_length: usize) -> Result<Params, argon2::Error> {
        Params::new(self.memory_kib, self.iterations, self.lanes, Some(output_length))
    }

    /// Memory in KiB.
    #[must_use]
    pub const fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// Passes over the memory.
    #[must_use]
    pub const fn iterations(self) -> u32 {
        self.iterations
    }

    /// Lanes, also called parallelism.
    #[must_use]
    pub const fn lanes(self) -> u32 {
        self.lanes
    }
}

impl Default for HashParameters {
    /// 64 MiB, 3 iterations, 4 lanes: the second recommendation of RFC 9106, section 4, and what Python's pwdlib uses.
    fn default() -> Self {
        Self { memory_kib: 64 * 1024, iterations: 3, lanes: 4 }
    }
}

#[cfg(test)]
mod tests {
    use super::{HashParameters, ParametersError};

    #[test]
    fn ranges() {
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
    fn errors_name_the_range() {
        assert_eq!(ParametersError::Memory.to_string(), "memory must be between 19456 and 262144 KiB");
    }
}
