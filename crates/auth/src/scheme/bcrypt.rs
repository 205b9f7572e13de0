//! bcrypt, as Python's bcrypt, Flask-Bcrypt and passlib write it: `$2b$cost$`, then 22 characters
//! of salt and 31 of output.

use std::ops::RangeInclusive;

use bcrypt::HashParts;

use crate::Error;

/// Three names of one algorithm. Current libraries write `$2b$`. `$2x$` is not accepted: it marks
/// hashes of an old PHP version that handled bytes over 127 wrongly.
pub(super) const NAMES: [&str; 3] = ["2a", "2b", "2y"];

/// From the minimum of the algorithm to a cost that takes about a second, the time of seven
/// Argon2id hashes. Each step doubles the time. The libraries above use 12.
const COSTS: RangeInclusive<u32> = 4..=14;

/// In bytes: the part of a password that goes into the hash.
const PASSWORD_MAX: usize = 72;

/// The text of a hash whose format and cost were checked.
pub(crate) struct Bcrypt(String);

impl Bcrypt {
    /// Reads `$2b$cost$`, the salt and the output, or one of the other two names.
    pub(crate) fn read(text: &str) -> Result<Self, Error> {
        let parts: HashParts = text.parse().map_err(|_| Error::UnsupportedHash)?;
        // The parser also accepts spellings such as a cost of `+9`, which differ when written
        // again. The name is left out of the comparison, because `to_string` always writes `$2b$`.
        let again = parts.to_string();
        if !COSTS.contains(&parts.get_cost()) || text.get(3..) != again.get(3..) {
            return Err(Error::UnsupportedHash);
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns true if the whole password goes into a hash.
    pub(crate) fn covers(password: &[u8]) -> bool {
        password.len() <= PASSWORD_MAX
    }

    /// Compares the first 72 bytes of the password. A password with a NUL is always wrong, because
    /// to bcrypt `a\0a` is the same as `a`.
    pub(crate) fn verify(&self, password: &[u8]) -> Result<bool, Error> {
        // `bcrypt::verify` truncates the password and compares in constant time.
        let right = bcrypt::verify(password, &self.0).map_err(Error::internal)?;
        Ok(right && !password.contains(&0))
    }
}

#[cfg(test)]
mod tests {
    use super::Bcrypt;

    #[test]
    fn read_rejects_costs_over_the_limits() {
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
