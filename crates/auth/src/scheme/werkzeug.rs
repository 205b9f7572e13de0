//! The format of Werkzeug's `generate_password_hash` in Flask: `method$salt$output`.
//!
//! The method holds its parameters after colons. The output is lower-case hexadecimal. The salt is
//! used as it is, not decoded.

use argon2::password_hash::phc::Output;
use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use crate::Error;

/// In bytes. Werkzeug's salts have 8 or 16. An application can choose another length with its
/// `salt_length` argument.
const SALT_MAX: usize = 64;

/// A salt, and the output of a method for this salt and the password.
pub(super) struct SaltedOutput {
    salt: String,
    output: Output,
}

/// Splits a hash into the method and the rest. `output_length` is in bytes, from 10 to 64.
///
/// Returns `None` if the output has another length or is not lower-case hexadecimal.
pub(super) fn split(text: &str, output_length: usize) -> Option<(&str, SaltedOutput)> {
    let (method, rest) = text.split_once('$')?;
    let (salt, output) = rest.split_once('$')?;
    let output = HEXLOWER.decode(output.as_bytes()).ok()?;
    if output.len() != output_length || !(1..=SALT_MAX).contains(&salt.len()) {
        return None;
    }
    Some((method, SaltedOutput { salt: salt.to_owned(), output: Output::new(&output).ok()? }))
}

/// Parses a parameter. Only the spelling that Python's `str` gives is accepted.
pub(super) fn parse_number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number: &u32| number.to_string() == text)
}

impl SaltedOutput {
    /// Returns true if `derive` gives the stored output. It gets the salt, and fills the slice.
    pub(super) fn matches(
        &self,
        derive: impl FnOnce(&[u8], &mut [u8]) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        let mut output = Zeroizing::new(vec![0; self.output.len()]);
        derive(self.salt.as_bytes(), &mut output)?;
        // `Output` compares in constant time.
        Ok(Output::new(&output).map_err(Error::internal)? == self.output)
    }
}

#[cfg(test)]
mod tests {
    use super::{parse_number, split};

    #[test]
    fn split_accepts_lower_case_hexadecimal_only() {
        let output = |text: &str| Some(split(&format!("method$salt${text}"), 10)?.1.output);
        let digits = "00ff10a9".repeat(2) + "0123";
        let bytes = [0, 255, 16, 169, 0, 255, 16, 169, 0x01, 0x23];
        assert_eq!(output(&digits).unwrap().as_ref(), bytes);
        for end in ["0", "0F", "0g", "é", "0 ", "+1", "0x"] {
            let text = digits[..digits.len() - 2].to_owned() + end;
            assert!(output(&text).is_none(), "{text}");
        }
    }

    #[test]
    fn parse_number_accepts_one_spelling_only() {
        assert_eq!((parse_number("0"), parse_number("4294967295")), (Some(0), Some(u32::MAX)));
        for text in ["", "01", "+1", "-1", "1_000", " 1", "1.0", "4294967296", "١"] {
            assert_eq!(parse_number(text), None, "{text}");
        }
    }
}
