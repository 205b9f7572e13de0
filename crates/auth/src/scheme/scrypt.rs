//! scrypt (RFC 7914), the default of Werkzeug since 2.3: `scrypt:N:r:p$salt$output`, usually with
//! `scrypt:32768:8:1`.

use scrypt::Params;

use super::werkzeug::{SaltedOutput, parse_number, split};
use crate::Error;

pub(super) const NAME: &str = "scrypt";

/// In bytes.
const OUTPUT_LENGTH: usize = 64;
/// In bytes: the limit of 128·N·r, the memory of scrypt. Argon2id takes as much by default. The
/// default of Werkzeug needs half of it.
const MEMORY_MAX: u64 = 64 << 20;
/// In bytes: the limit of 128·N·r·p, the memory that is written and read in all rounds. This takes
/// the time of two Argon2id hashes, and allows the parameters of OWASP that need at most 64 MiB.
const WORK_MAX: u64 = 128 << 20;
/// scrypt also needs 128·r·(p+1) bytes. The limits of r and p keep that small.
const R_MAX: u32 = 32;
const P_MAX: u32 = 16;

/// A parsed hash.
pub(crate) struct Scrypt {
    params: Params,
    salted: SaltedOutput,
}

impl Scrypt {
    /// Reads `scrypt:N:r:p$salt$output`, with exactly these parts.
    pub(crate) fn read(text: &str) -> Result<Self, Error> {
        Self::parse(text).ok_or(Error::UnsupportedHash)
    }

    fn parse(text: &str) -> Option<Self> {
        let (method, salted) = split(text, OUTPUT_LENGTH)?;
        let numbers = method.strip_prefix(NAME)?.strip_prefix(':')?.split(':').map(parse_number);
        let [n, r, p] = numbers.collect::<Option<Vec<_>>>()?[..] else { return None };
        if n < 2 || !n.is_power_of_two() || !(1..=R_MAX).contains(&r) || !(1..=P_MAX).contains(&p) {
            return None;
        }
        let memory = 128 * u64::from(n) * u64::from(r);
        if memory > MEMORY_MAX || memory * u64::from(p) > WORK_MAX {
            return None;
        }
        let params = Params::new(u8::try_from(n.ilog2()).ok()?, r, p).ok()?;
        Some(Self { params, salted })
    }

    /// Returns 128·N·r. The rest is at most 70 KiB.
    pub(crate) fn memory_kib(&self) -> usize {
        (128 * self.params.r() as usize) << self.params.log_n() >> 10
    }

    pub(crate) fn verify(&self, password: &[u8]) -> Result<bool, Error> {
        self.salted.matches(|salt, output| {
            scrypt::scrypt(password, salt, &self.params, output).map_err(Error::internal)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Scrypt;

    #[test]
    fn read_rejects_parameters_over_the_limits() {
        let read = |parameters: &str| Scrypt::read(&format!("scrypt:{parameters}$salt${}", "00".repeat(64)));
        for within in ["2:1:1", "32768:8:1", "32768:8:4", "65536:8:2", "16384:32:2", "524288:1:1", "2:32:16"]
        {
            assert!(read(within).is_ok(), "{within}");
        }
        for beyond in
            ["131072:8:1", "1048576:1:1", "32768:32:1", "32768:8:5", "65536:8:3", "2:33:1", "2:1:17"]
        {
            assert!(read(beyond).is_err(), "{beyond}");
        }
    }
}
