//! E-mail addresses: their rules, and how they are compared.
//!
//! Own code although parsers exist: clients expect the rules and the sentences of Pydantic's
//! `EmailStr`. It narrows RFC 5321 and RFC 6531 to a dot-atom before the @-sign and a public host
//! name after it, without quoting, address literals or reserved names (RFC 6761).

use std::borrow::Cow;
use std::fmt;

use daybook_text::is_invisible;
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

use crate::fold::caseless;

/// A valid e-mail address. The part before the @-sign is kept as the user wrote it, in Unicode NFC;
/// the domain is in lower case and Unicode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "utoipa",
    schema(value_type = String, format = "email", max_length = 254, example = "ada@example.com")
)]
pub struct Email(String);

/// Why a text is not an e-mail address, as a sentence for the user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EmailError(String);

/// The longest address that a mail server must accept: the 256 octets of a path, less its angle
/// brackets (RFC 5321, section 4.5.3.1.3).
const ADDRESS_MAX: usize = 254;
/// The longest label of a host name (RFC 1035, section 2.3.1).
const LABEL_MAX: usize = 63;
/// Longer texts are rejected before they are parsed, because normalizing them would cost time in
/// proportion to their length.
const TEXT_MAX: usize = 2_048;

/// Top-level names that cannot receive mail (RFC 6761, RFC 6762, RFC 7686).
const RESERVED: [&str; 6] = ["arpa", "invalid", "local", "localhost", "onion", "test"];

impl Email {
    /// Parses an address: `ada@example.com` or `Ada <ada@example.com>`, with or without spaces
    /// around it.
    ///
    /// # Errors
    ///
    /// Reports the first rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        if text.chars().count() > TEXT_MAX {
            return fail(format!("Length must not exceed {TEXT_MAX} characters"));
        }
        if text.contains(['\r', '\n']) {
            return fail("Carriage return and line feed characters are not allowed");
        }
        let address = without_display_name(text.trim());
        if address.starts_with('"') {
            return fail("Quoting the part before the @-sign is not allowed here.");
        }
        let Some((local, domain)) = address.split_once('@') else {
            return fail("An email address must have an @-sign.");
        };
        let local = local_part(local)?;
        let (ascii, domain) = domain_part(domain)?;
        let length = (local.chars().count() + 1 + domain.chars().count()).max(local.len() + 1 + ascii.len());
        if length > ADDRESS_MAX {
            return fail(format!("The email address is too long {}.", too_many(length - ADDRESS_MAX)));
        }
        Ok(Self(format!("{local}@{domain}")))
    }

    /// Wraps an address that was valid when it was stored; nothing is checked.
    #[must_use]
    pub fn from_stored(address: String) -> Self {
        Self(address)
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form in which this address is compared with others; see [`Email::key_of`].
    #[must_use]
    pub fn key(&self) -> String {
        key_of_address(&self.0)
    }

    /// The form in which any text is compared with addresses. The part before the @-sign is
    /// compared like a username (see [`Username::key_of`](crate::Username::key_of)). The domain is
    /// compared in its ASCII form (IDNA).
    ///
    /// The text need not be a valid address, so a login can look up the text that the user typed.
    #[must_use]
    pub fn key_of(text: &str) -> String {
        match Self::parse(text) {
            Ok(email) => email.key(),
            // No address is longer. The ASCII form of a long domain would cost time.
            Err(_) if text.chars().count() > TEXT_MAX => caseless(text),
            Err(_) => key_of_address(text),
        }
    }
}

/// Returns the key of an address, or of a text that should be one.
fn key_of_address(address: &str) -> String {
    let Some((local, domain)) = address.rsplit_once('@') else {
        return caseless(address);
    };
    let local = caseless(local);
    match ascii_form(domain) {
        Some(ascii) => format!("{local}@{ascii}"),
        None => format!("{local}@{}", caseless(domain)),
    }
}

/// Returns the ASCII form of a domain (UTS #46), in lower case, or `None` if it has none.
fn ascii_form(domain: &str) -> Option<Cow<'_, str>> {
    Uts46::new().to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::Check, DnsLength::Ignore).ok()
}

/// Returns `ada@example.com` for `Ada <ada@example.com>`, and any other text unchanged.
fn without_display_name(text: &str) -> &str {
    match text.split_once('<') {
        Some((name, rest)) if !name.contains('@') => rest.strip_suffix('>').map_or(text, str::trim),
        _ => text,
    }
}

fn local_part(local: &str) -> Result<String, EmailError> {
    if local.is_empty() {
        return fail("There must be something before the @-sign.");
    }
    let is_atom = |c: char| {
        c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c) || (!c.is_ascii() && is_safe(c))
    };
    reject_characters(local, is_atom, "The email address contains invalid characters before the @-sign")?;
    if local.starts_with('.') {
        return fail("An email address cannot start with a period.");
    }
    if local.ends_with('.') {
        return fail("An email address cannot have a period immediately before the @-sign.");
    }
    if local.contains("..") {
        return fail("An email address cannot have two periods in a row.");
    }
    if local.chars().next().is_some_and(|c| c.general_category_group() == GeneralCategoryGroup::Mark) {
        return fail("The email address cannot start with a combining character.");
    }
    Ok(local.nfc().collect())
}

/// Returns the domain in ASCII, whose length is limited, and in Unicode, which is shown.
fn domain_part(domain: &str) -> Result<(String, String), EmailError> {
    if domain.is_empty() {
        return fail("There must be something after the @-sign.");
    }
    if domain.starts_with('[') {
        return fail("A bracketed IP address after the @-sign is not allowed here.");
    }
    let is_host =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.') || (!c.is_ascii() && is_safe(c));
    reject_characters(domain, is_host, "The part after the @-sign contains invalid characters")?;
    if domain.starts_with('.') {
        return fail("An email address cannot have a period immediately after the @-sign.");
    }
    if domain.ends_with('.') {
        return fail("An email address cannot end with a period.");
    }
    if domain.contains("..") {
        return fail("An email address cannot have two periods in a row.");
    }
    if domain.starts_with('-') {
        return fail("An email address cannot have a hyphen immediately after the @-sign.");
    }
    if domain.ends_with('-') || domain.contains("-.") || domain.contains(".-") {
        return fail(
            "An email address cannot have a hyphen and a period next to each other, or end with a hyphen.",
        );
    }
    let Some(ascii) = ascii_form(domain) else {
        return fail("The part after the @-sign is not a valid internationalised host name.");
    };
    if let Some(long) = ascii.split('.').map(str::len).find(|length| *length > LABEL_MAX) {
        let reason = too_many(long - LABEL_MAX);
        return fail(format!(
            "After the @-sign, periods cannot be separated by so many characters {reason}."
        ));
    }
    let Some((_, top)) = ascii.rsplit_once('.') else {
        return fail("The part after the @-sign is not valid. It should have a period.");
    };
    if !top.ends_with(|c: char| c.is_ascii_alphabetic()) {
        return fail("The part after the @-sign is not valid. It is not within a valid top-level domain.");
    }
    if RESERVED.contains(&top) {
        return fail(
            "The part after the @-sign is a special-use or reserved name that cannot be used with email.",
        );
    }
    let (unicode, _) = Uts46::new().to_unicode(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::Check);
    Ok((ascii.into_owned(), unicode.into_owned()))
}

/// Whether a character is a letter, mark, number, punctuation or symbol, as Pydantic requires, and
/// visible, as daybook requires beyond that: two addresses that look the same must not differ.
///
/// [`is_invisible`] does not replace the categories, because Pydantic also rejects spaces and
/// private or unassigned characters.
fn is_safe(c: char) -> bool {
    // The group `Other` includes unassigned and private characters.
    !matches!(c.general_category_group(), GeneralCategoryGroup::Separator | GeneralCategoryGroup::Other)
        && !is_invisible(c)
}

fn reject_characters(text: &str, allowed: impl Fn(char) -> bool, sentence: &str) -> Result<(), EmailError> {
    let mut bad: Vec<String> = text.chars().filter(|c| !allowed(*c)).map(displayed).collect();
    if bad.is_empty() {
        return Ok(());
    }
    bad.sort();
    bad.dedup();
    fail(format!("{sentence}: {}.", bad.join(", ")))
}

/// Names a character: in quotes if it is visible, by its code point if it is not.
fn displayed(c: char) -> String {
    match c {
        ' ' => "SPACE".to_owned(),
        c if is_safe(c) => format!("'{c}'"),
        c => format!("U+{:04X}", u32::from(c)),
    }
}

fn too_many(characters: usize) -> String {
    let plural = if characters == 1 { "" } else { "s" };
    format!("({characters} character{plural} too many)")
}

fn fail<T>(sentence: impl Into<String>) -> Result<T, EmailError> {
    Err(EmailError(sentence.into()))
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Email {
    type Error = EmailError;

    fn try_from(text: String) -> Result<Self, EmailError> {
        Self::parse(&text)
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

#[cfg(test)]
mod tests {
    use super::Email;

    #[test]
    fn parse_normalizes_as_pydantic_does() {
        for (text, email) in [
            (" Ada@GMAIL.com ", "Ada@gmail.com"),
            ("Ada <ada@gmail.com>", "ada@gmail.com"),
            ("a@xn--mnchen-3ya.de", "a@münchen.de"),
            ("a@MÜNCHEN.de", "a@münchen.de"),
            ("a\u{308}@gmail.com", "ä@gmail.com"),
        ] {
            assert_eq!(Email::parse(text).map(String::from).as_deref(), Ok(email), "{text:?}");
        }
    }

    #[test]
    fn parse_rejects_an_address_over_254_characters() {
        let label = "b".repeat(60);
        let domain = format!("{label}.{label}.{label}.com");
        let fits = 254 - domain.len() - 1;
        assert!(Email::parse(&format!("{}@{domain}", "a".repeat(fits))).is_ok());
        let error = Email::parse(&format!("{}@{domain}", "a".repeat(fits + 1))).unwrap_err();
        assert_eq!(error.to_string(), "The email address is too long (1 character too many).");
    }

    #[test]
    fn parse_rejects_invisible_characters() {
        for text in
            ["a\u{200b}@gmail.com", "a\u{202e}@gmail.com", "a@gm\u{ad}ail\u{2028}.com", "a\u{e000}@gmail.com"]
        {
            assert!(Email::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn parse_rejects_invisible_letters_and_marks() {
        for (text, code_point) in [
            ("a\u{34f}@gmail.com", "U+034F"),
            ("a\u{fe0f}@gmail.com", "U+FE0F"),
            ("a\u{3164}@gmail.com", "U+3164"),
            ("a@gm\u{115f}ail.com", "U+115F"),
        ] {
            let error = Email::parse(text).unwrap_err().to_string();
            assert!(error.contains(code_point), "{error}");
        }
    }
}
