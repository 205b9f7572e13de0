//! scrypt (RFC 7914), what Werkzeug makes since 2.3: `scrypt:N:r:p$salt$output`, `scrypt:32768:8:1` by default.

use scrypt::Params;

use super::werkzeug::{Salted, number, split};
use crate::{Error, memory::Memory};

pub(super) const NAME: &str = "scrypt";

const OUTPUT_LENGTH: usize = 64;
/// In bytes: 128·N·r. No more than a thread keeps for Argon2id by default; Werkzeug's takes half of it.
const MEMORY_MAX: u64 = 64 << 20;
/// In bytes: 128·N·r·p, what is filled and read. That takes as long as two Argon2id hashes, and OWASP's parameters of up to
/// 64 MiB fit in.
const WORK_MAX: u64 = 128 << 20;
/// Beside that memory there are 128·r·(p+1) bytes, which these keep small.
const R_MAX: u32 = 32;
const P_MAX: u32 = 16;

/// A hash, taken apart.
pub(crate) struct Scrypt {
    params: Params,
    salted: Salted,
}

impl Scrypt {
    /// Reads `scrypt:N:r:p$salt$output`, and nothing more or less than that.
    pub(crate) fn read(text: &str) -> Result<Self, Error> {
        Self::parse(text).ok_or(Error::UnsupportedHash)
    }

    fn parse(text: &str) -> Option<Self> {
        let (method, salted) = split(text, OUTPUT_LENGTH)?;
        let numbers = method.strip_prefix(NAME)?.strip_prefix(':')?.split(':').map(number);
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

    pub(crate) fn verify(&self, password: &[u8], memory: &mut Memory) -> Result<bool, Error> {
        // The algorithm allocates and frees its own, and a thread never has that and this at once. (Of less than 32 MiB, glibc may
        // keep what was freed for the thread's next one.)
        memory.give_back();
        self.salted.is_made_by(|salt, output| {
            scrypt::scrypt(password, salt, &self.params, output).map_err(Error::internal)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Scrypt;

    #[test]
    fn the_limits() {
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
