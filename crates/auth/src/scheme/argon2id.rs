//! Argon2id, version 19 (RFC 9106), as PHC strings.

use argon2::password_hash::phc::{Ident, Output, ParamsString, PasswordHash as Phc, Salt};
use argon2::{Algorithm, Argon2, Block, Version};
use zeroize::Zeroizing;

use crate::{Error, HashParameters, PasswordHash};

pub(crate) const NAME: &str = "argon2id";

/// In bytes, as RFC 9106, section 3.1, recommends.
const SALT_LENGTH: usize = 16;
/// In bytes: 256 bits.
const OUTPUT_LENGTH: usize = 32;

/// A parsed hash.
pub(crate) struct Argon2id {
    parameters: HashParameters,
    salt: Salt,
    output: Output,
}

/// Hashes a password with a new random salt. There must be a block for each KiB of memory.
pub(crate) fn hash(
    password: &[u8],
    parameters: HashParameters,
    blocks: &mut [Block],
) -> Result<PasswordHash, Error> {
    let mut salt = [0; SALT_LENGTH];
    getrandom::fill(&mut salt).map_err(Error::internal)?;
    let salt = Salt::new(&salt).map_err(Error::internal)?;
    let output = compute(password, parameters, &salt, OUTPUT_LENGTH, blocks)?;
    let mut params = ParamsString::new();
    for (name, value) in
        [("m", parameters.memory_kib()), ("t", parameters.iterations()), ("p", parameters.lanes())]
    {
        params.add_decimal(name, value).map_err(Error::internal)?;
    }
    let phc = Phc {
        algorithm: Ident::new(NAME).map_err(Error::internal)?,
        version: Some(Version::V0x13.into()),
        params,
        salt: Some(salt),
        hash: Some(output),
    };
    Ok(PasswordHash::from_stored(phc.to_string()))
}

impl Argon2id {
    /// Reads `$argon2id$v=19$m=…,t=…,p=…$salt$output`, with exactly these parts.
    pub(crate) fn read(text: &str) -> Result<Self, Error> {
        let unsupported = || Error::UnsupportedHash;
        let phc = Phc::new(text).map_err(|_| Error::UnsupportedHash)?;
        if phc.version != Some(Version::V0x13.into()) || phc.params.iter().count() != 3 {
            return Err(Error::UnsupportedHash);
        }
        let number = |name| phc.params.get_decimal(name).ok_or_else(unsupported);
        let hash = Self {
            parameters: HashParameters::stored(number("m")?, number("t")?, number("p")?)?,
            salt: phc.salt.ok_or_else(unsupported)?,
            output: phc.hash.ok_or_else(unsupported)?,
        };
        hash.parameters.params(hash.output.len()).map_err(|_| Error::UnsupportedHash)?;
        Ok(hash)
    }

    /// Returns a hash that no password matches. Verifying it takes the work of a real hash with
    /// these parameters.
    pub(crate) fn dummy(parameters: HashParameters) -> Result<Self, Error> {
        Ok(Self {
            parameters,
            salt: Salt::new(&[0; SALT_LENGTH]).map_err(Error::internal)?,
            output: Output::new(&[0; OUTPUT_LENGTH]).map_err(Error::internal)?,
        })
    }

    pub(crate) fn memory_kib(&self) -> usize {
        self.parameters.memory_kib() as usize
    }

    pub(crate) fn verify(&self, password: &[u8], blocks: &mut [Block]) -> Result<bool, Error> {
        let output = compute(password, self.parameters, &self.salt, self.output.len(), blocks)?;
        // `Output` compares in constant time.
        Ok(output == self.output)
    }

    pub(crate) fn is_current(&self, parameters: HashParameters) -> bool {
        self.parameters == parameters && self.salt.len() == SALT_LENGTH && self.output.len() == OUTPUT_LENGTH
    }
}

/// Computes the Argon2id output of a password.
fn compute(
    password: &[u8],
    parameters: HashParameters,
    salt: &Salt,
    length: usize,
    blocks: &mut [Block],
) -> Result<Output, Error> {
    let params = parameters.params(length).map_err(Error::internal)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut output = Zeroizing::new(vec![0; length]);
    argon2.hash_password_into_with_memory(password, salt, &mut output, blocks).map_err(Error::internal)?;
    Output::new(&output).map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::Argon2id;
    use crate::{Error, HashParameters};

    const SALT_AND_OUTPUT: &str = "MyeaZPHUU1vE52HLLsFTfA$3hB0wOuu/o33qP+Jtg/+RAa35nB5I4HahrN+A+SuIos";

    #[test]
    fn read_accepts_other_parameters_as_outdated() {
        let read = |head: &str| Argon2id::read(&format!("{head}${SALT_AND_OUTPUT}"));
        assert!(read("$argon2id$v=19$m=65536,t=3,p=4").unwrap().is_current(HashParameters::default()));
        for outdated in ["m=65536,t=3,p=1", "m=65536,t=4,p=4", "m=131072,t=3,p=4", "m=8,t=1,p=1"] {
            let hash = read(&format!("$argon2id$v=19${outdated}")).unwrap();
            assert!(!hash.is_current(HashParameters::default()), "{outdated}");
        }
    }

    #[test]
    fn read_rejects_parameters_over_the_limits_and_other_formats() {
        for head in [
            "$argon2id$v=19$m=262145,t=3,p=4",
            "$argon2id$v=19$m=4294967295,t=3,p=4",
            "$argon2id$v=19$m=65536,t=11,p=4",
            "$argon2id$v=19$m=65536,t=3,p=17",
            "$argon2id$v=19$m=65536,t=0,p=4",
            "$argon2id$v=19$m=65536,t=3,p=0",
            "$argon2id$v=19$m=31,t=3,p=4",
            "$argon2id$v=19$m=65536,t=3",
            "$argon2id$v=19$m=65536,t=3,p=4,data=AAAA",
            "$argon2id$v=19$m=65536,t=3,p=4,m=8",
            "$argon2id$v=19$m=-1,t=3,p=4",
            "$argon2id$v=16$m=65536,t=3,p=4",
            "$argon2id$m=65536,t=3,p=4",
            "$argon2id$v=19",
            "argon2id$v=19$m=65536,t=3,p=4",
        ] {
            let refused = Argon2id::read(&format!("{head}${SALT_AND_OUTPUT}"));
            assert!(matches!(refused, Err(Error::UnsupportedHash)), "{head}");
        }
        for text in
            ["", "$argon2id", "$argon2id$v=19$m=65536,t=3,p=4", "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ"]
        {
            assert!(matches!(Argon2id::read(text), Err(Error::UnsupportedHash)), "{text}");
        }
    }

    #[test]
    fn is_current_is_false_for_another_length() {
        let short_salt =
            "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$3hB0wOuu/o33qP+Jtg/+RAa35nB5I4HahrN+A+SuIos";
        let short_output = "$argon2id$v=19$m=65536,t=3,p=4$MyeaZPHUU1vE52HLLsFTfA$3hB0wOuu/o33qP+Jtg/+RA";
        for text in [short_salt, short_output] {
            assert!(!Argon2id::read(text).unwrap().is_current(HashParameters::default()), "{text}");
        }
    }
}
