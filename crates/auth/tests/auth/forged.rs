//! Attacks with forged tokens, all of which `verify` must reject.
//!
//! Nearly all are signed with the right key, so that not only the signature rejects them.

mod claims;
mod encoding;
mod header;

use std::collections::HashSet;

use daybook_auth::{Secret, TokenError, TokenKeys};
use jsonwebtoken::Algorithm;

use crate::forge::{
    CLAIMS, HEADER, NOW, PREVIOUS, SECRET, base64, keys, kid_of, sign_as, token, with_claim, with_claims,
    with_header, with_more, with_parameter,
};

#[test]
fn verify_accepts_the_tokens_that_the_attacks_start_from() {
    let keys = keys();
    let previous = format!(r#"{{"alg":"HS256","kid":"{}"}}"#, kid_of(PREVIOUS));
    for token in [
        token(HEADER, CLAIMS),
        with_header(r#"{"alg":"HS256"}"#),
        with_header(r#"{ "typ": "jwt", "alg": "HS256" }"#),
        with_parameter(&format!(r#""kid":"{}""#, kid_of(SECRET))),
        sign_as(&format!("{}.{}", base64(previous), base64(CLAIMS)), PREVIOUS, Algorithm::HS256),
        with_claims(r#"{"user_id":"42","iat":1800000000,"exp":1800001800}"#),
        with_claims(r#"{"user_id":"\u0034\u0032","iat":1800000000,"exp":1800001800}"#),
        with_more(r#""nbf":1800000005"#),
        with_claim("iat", "1800000005"),
        with_claim("exp", "1800000001"),
    ] {
        assert_eq!(keys.verify(&token, NOW).map(|claims| claims.user_id).ok(), Some(42), "{token}");
    }
}

/// Adds the tokens of one kind of attack.
type Attacks = fn(&mut Vec<String>);

const ATTACKS: [(&str, Attacks); 12] = [
    ("other algorithms", header::other_algorithms),
    ("other keys", header::other_keys),
    ("key ids", header::key_ids),
    ("smuggled header parameters", header::smuggled_header_parameters),
    ("headers that are not objects", header::headers_that_are_not_objects),
    ("claims of other types", claims::claims_of_other_types),
    ("claims with wrong times", claims::claims_with_wrong_times),
    ("missing, repeated and unknown claims", claims::missing_repeated_and_unknown_claims),
    ("other shapes", encoding::other_shapes),
    ("other signatures", encoding::other_signatures),
    ("other spellings of base64", encoding::other_spellings_of_base64),
    ("longer than four kib", encoding::longer_than_four_kib),
];

#[test]
fn verify_rejects_every_attack() {
    let keys = keys();
    let mut tried = HashSet::new();
    for (kind, make) in ATTACKS {
        let mut attacks = Vec::new();
        make(&mut attacks);
        for token in attacks {
            assert!(keys.verify(&token, NOW).is_err(), "{kind}: {token:?}");
            assert!(tried.insert(token.clone()), "{kind}: {token:?} is listed twice");
        }
    }
    assert_eq!(tried.len(), 378, "an attack was added or removed");
}

#[test]
fn verify_accepts_legacy_tokens_only_if_enabled() {
    let legacy = with_claims(r#"{"user_id":"42","iat":1800000000,"exp":1800001800}"#);
    let strict = TokenKeys::new(Secret::parse(SECRET).unwrap());
    assert!(strict.verify(&legacy, NOW).is_err());
    assert!(strict.accept_legacy(true).verify(&legacy, NOW).is_ok());
}

#[test]
fn verify_accepts_fractions_of_seconds_in_legacy_tokens_only() {
    let legacy =
        |iat: &str, exp: &str| with_claims(&format!(r#"{{"user_id":"42","iat":{iat},"exp":{exp}}}"#));
    let keys = keys();
    for (iat, exp, expires_at) in [
        ("1800000000", "1800001800.25", NOW + 1801),
        ("1799999999.75", "1800000000.001", NOW + 1),
        ("1800000000.0", "1800001800.0", NOW + 1800),
        ("1.8e9", "1.8000018e9", NOW + 1800),
        ("0.5", "4102444800.999999", 4_102_444_801),
    ] {
        let token = legacy(iat, exp);
        let claims = keys.verify(&token, NOW).unwrap();
        assert_eq!(claims.expires_at, expires_at, "{iat} {exp}");
        // Valid until its last whole second, and expired after it (RFC 7519, section 4.1.4).
        assert!(keys.verify(&token, expires_at - 1).is_ok(), "{iat} {exp}");
        assert!(matches!(keys.verify(&token, expires_at), Err(TokenError::Expired)), "{iat} {exp}");
    }
    for (iat, exp) in [
        ("1800000000", "1799999999.75"),
        ("1800000006.5", "1800001800"),
        ("1800000000.5", "1e300"),
        ("-1e300", "1800001800"),
        ("1800000000", "\"1800001800.25\""),
        ("1800000000.0", "1800000000.0"),
    ] {
        assert!(keys.verify(&legacy(iat, exp), NOW).is_err(), "{iat} {exp}");
    }
    assert!(keys.verify(&with_more(r#""nbf":1800000000.5"#), NOW).is_err(), "a token with a session");
}

/// If a key were used, the reason would be the signature, because two of the three do not match.
#[test]
fn verify_rejects_an_unknown_key_id_before_it_uses_a_key() {
    let right = with_parameter(r#""kid":"unknown""#);
    let (message, _) = right.rsplit_once('.').unwrap();
    for token in [right.as_str(), &format!("{message}.{}", base64([0; 32])), &format!("{message}.%")] {
        assert!(matches!(keys().verify(token, NOW), Err(TokenError::Invalid("unknown key id"))), "{token:?}");
    }
}
