//! bcrypt, what Python's bcrypt, Flask-Bcrypt and passlib make: `$2b$cost$`, 22 characters of salt, 31 of output.

use std::ops::RangeInclusive;

use bcrypt::HashParts;

use crate::Error;

/// Three names of one algorithm, `$2b$` being what is written today. `$2x$` is left out: it marks hashes of an old PHP that was
/// mistaken about bytes over 127.
pub(super) const NAMES: [&str; 3] = ["2a", "2b", "2y"];

/// From the algorithm's least to what takes about a second, or seven Argon2id hashes; one more doubles it. Those libraries make
/// hashes with 12.
const COSTS: RangeInclusive<u32> = 4..=14;

/// Of a password, so many bytes go into the hash.
const BYTES: usize = 72;

/// A hash that has been looked through.
pub(crate) struct Bcrypt(String);

impl Bcrypt {
    /// Reads `$2b$cost$`, the salt and the output, in one of the three versions.
    pub(crate) fn read(text: &str) -> Result<Self, Error> {
        let parts: HashParts = text.parse().map_err(|_| Error::UnsupportedHash)?;
        // Written again, all but the version is the same: the parser would also have a cost of `+9`.
        let again = parts.to_string();
        if !COSTS.contains(&parts.get_cost()) || text.get(3..) != again.get(3..) {
            return Err(Error::UnsupportedHash);
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether all of the password counts.
    pub(crate) fn covers(password: &[u8]) -> bool {
        password.len() <= BYTES
    }

    /// By the first 72 bytes of a password, for these are all that went into the hash. With a NUL it is always wrong: bcrypt
    /// takes `a\0a` for `a`.
    pub(crate) fn verify(&self, password: &[u8]) -> Result<bool, Error> {
        // It cuts the password itself and compares in constant time.
        let right = bcrypt::verify(password, &self.0).map_err(Error::internal)?;
        Ok(right && !password.contains(&0))
    }
}

#[cfg(test)]
mod tests {
    use super::Bcrypt;

    #[test]
    fn the_limits() {
        const SALT_AND_OUTPUT: &str = "Ct8QcuXgPsrd.7iVGqxsGuQ36t13u40QUWpwa7uF15kHYz1LUZzwK";
        let read = |cost: &str| Bcrypt::read(&format!("$2b${cost}${SALT_AND_OUTPUT}"));
        for within in ["04", "12", "14"] {
            assert!(read(within).is_ok(), "{within}");
        }
        for beyond in ["00", "03", "15", "31", "32", "99", "+9", " 9", "-4", "4", "4$", "012"] {
            assert!(read(beyond).is_err(), "{beyond}");
        }
    }
}
