//! What Werkzeug's `generate_password_hash` wrote for Flask: `method$salt$output`, the method with its parameters between
//! colons, the salt as it stands, the output in lower-case hexadecimal.

use argon2::password_hash::phc::Output;
use zeroize::Zeroizing;

use crate::Error;

/// In bytes. Werkzeug's salts have 8 or 16; `salt_length` gave an application others.
const SALT_MAX: usize = 64;

/// A salt, and what a method made of it and the password.
pub(super) struct Salted {
    salt: String,
    output: Output,
}

/// The method, and the rest with an output of exactly so many bytes (10 to 64).
pub(super) fn split(text: &str, output_length: usize) -> Option<(&str, Salted)> {
    let (method, rest) = text.split_once('$')?;
    let (salt, output) = rest.split_once('$')?;
    let output = from_hex(output).filter(|output| output.len() == output_length)?;
    let fits = (1..=SALT_MAX).contains(&salt.len());
    fits.then_some((method, Salted { salt: salt.to_owned(), output: Output::new(&output).ok()? }))
}

/// A parameter, written the one way that Python's `str` writes it.
pub(super) fn number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number: &u32| number.to_string() == text)
}

impl Salted {
    /// Whether a derivation, which gets the salt and fills the output, comes to the same.
    pub(super) fn is_made_by(
        &self,
        derive: impl FnOnce(&[u8], &mut [u8]) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        let mut output = Zeroizing::new(vec![0; self.output.len()]);
        derive(self.salt.as_bytes(), &mut output)?;
        // `Output` compares in constant time.
        Ok(Output::new(&output).map_err(Error::internal)? == self.output)
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let byte = |pair: &[u8]| match *pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    text.as_bytes().chunks(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::{from_hex, number};

    #[test]
    fn hexadecimal() {
        assert_eq!(from_hex("00ff10a9"), Some(vec![0, 255, 16, 169]));
        for text in ["0", "0FF0", "0g", "é0", "00 ", "+1", "0x"] {
            assert_eq!(from_hex(text), None, "{text}");
        }
    }

    #[test]
    fn numbers() {
        assert_eq!((number("0"), number("4294967295")), (Some(0), Some(u32::MAX)));
        for text in ["", "01", "+1", "-1", "1_000", " 1", "1.0", "4294967296", "١"] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
