//! Tests of addresses: `Email::parse` agrees with FastAPI on recorded addresses, including the
//! sentences of its errors, and `Email::key_of` compares addresses.

use std::collections::BTreeMap;

use daybook_domain::{Email, EmailError, Username};
use proptest::prelude::*;
use proptest::sample;

#[test]
fn parse_agrees_with_recorded_verdicts() {
    let recorded: BTreeMap<String, String> =
        serde_json::from_str(include_str!("data/email_addresses.json")).unwrap();
    assert!(recorded.len() >= 38);
    for (address, expected) in recorded {
        let verdict = match Email::parse(&address) {
            Ok(_) => "valid".to_owned(),
            Err(error) => format!("value is not a valid email address: {error}"),
        };
        assert_eq!(verdict, expected, "{address:?}");
    }
}

fn key(address: &str) -> Result<String, EmailError> {
    Email::parse(address).map(|email| email.key())
}

#[test]
fn key_folds_the_local_part_and_converts_the_domain_to_ascii() {
    for (address, expected) in [
        ("ADA@gmail.com", "ada@gmail.com"),
        ("Ada <ada@GMAIL.COM>", "ada@gmail.com"),
        ("Straße@gmail.com", "strasse@gmail.com"),
        ("KILIÇ@gmail.com", "kiliç@gmail.com"),
        ("kılıç@gmail.com", "kılıç@gmail.com"),
        ("e\u{301}ve@gmail.com", "éve@gmail.com"),
        ("ΟΔΥΣ@gmail.com", "οδυσ@gmail.com"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@BU\u{308}CHER.example", "ada@xn--bcher-kva.example"),
        ("ADA@xn--bcher-kva.EXAMPLE", "ada@xn--bcher-kva.example"),
        ("ada@bücher\u{3002}example", "ada@xn--bcher-kva.example"),
        ("ada@ｂücher.example", "ada@xn--bcher-kva.example"),
    ] {
        assert_eq!(key(address).as_deref(), Ok(expected), "{address:?}");
    }
}

#[test]
fn key_keeps_different_addresses_apart() {
    for (one, other) in [
        ("ada@gmail.com", "ada@gmail.org"),
        ("kılıç@gmail.com", "kiliç@gmail.com"),
        // These domains differ, although their letters are equal without case.
        ("ada@straße.de", "ada@strasse.de"),
        ("ada@faß.de", "ada@fass.de"),
        // Only the local part is folded.
        ("straße@strasse.de", "strasse@straße.de"),
    ] {
        assert_ne!(key(one).unwrap(), key(other).unwrap(), "{one} {other}");
    }
}

#[test]
fn key_leaves_the_address_as_it_was_parsed() {
    let email = Email::parse("Straße@BÜCHER.example").unwrap();
    assert_eq!(email.as_str(), "Straße@bücher.example");
    assert_eq!(email.key(), "strasse@xn--bcher-kva.example");
}

#[test]
fn key_of_accepts_any_text() {
    for (text, expected) in [
        ("Ada <ADA@bücher.example>", "ada@xn--bcher-kva.example"),
        // These are no addresses.
        ("", ""),
        ("Straße", "strasse"),
        ("Ada@BÜCHER", "ada@xn--bcher-kva"),
        ("ADA@host.TEST", "ada@host.test"),
        ("A@B@GMAIL.com", "a@b@gmail.com"),
        // A domain without an ASCII form is compared without case.
        ("ADA@STRAßE_1.de", "ada@strasse_1.de"),
        ("ADA@", "ada@"),
    ] {
        assert_eq!(Email::key_of(text), expected, "{text:?}");
    }
}

#[test]
fn key_of_does_not_convert_the_domain_of_a_long_text() {
    let long = format!("Ada@{}", "Ü".repeat(10_000));
    assert_eq!(Email::key_of(&long), Username::key_of(&long));
}

proptest! {
    #[test]
    fn key_of_does_not_change_a_key(
        local in "[a-zA-Zß-ſẞΑ-ωЀ-џ\u{300}-\u{345}]{1,12}",
        domain in sample::select(vec!["GMAIL.com", "BÜCHER.example", "straße.de", "xn--bcher-kva.de"]),
    ) {
        let Ok(email) = Email::parse(&format!("{local}@{domain}")) else { return Ok(()) };
        let key = email.key();
        prop_assert_eq!(Email::key_of(&key), key.as_str());
        prop_assert_eq!(Email::from_stored(key.clone()).key(), key);
    }
}
