use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use daybook_auth::{ACCESS_TOKEN_SECONDS, Explanation, Secret, Signer, TokenError, TokenKeys};
use serde_json::json;

use crate::forged::{PREVIOUS, SECRET, base64, keys, sign, sign_as};

const NOW: i64 = 1_800_000_000;

fn issued_with(secret: &str) -> String {
    TokenKeys::new(Secret::parse(secret).unwrap()).issue(42, 7, NOW).unwrap()
}

/// The verdict is `verify`'s, and the rest holds neither a secret nor the signature.
fn explain(keys: &TokenKeys, token: &str, now: i64) -> Explanation {
    let explanation = keys.explain(token, now);
    let verdict = keys.verify(token, now);
    assert_eq!(format!("{:?}", explanation.verdict), format!("{verdict:?}"), "{token}");
    let text = format!("{explanation:?}");
    assert!(!text.contains(SECRET) && !text.contains(PREVIOUS), "{text}");
    if let Some((_, signature)) = token.rsplit_once('.').filter(|(_, signature)| signature.len() > 20) {
        assert!(!text.contains(signature), "{text}");
    }
    explanation
}

fn reason(explanation: &Explanation) -> &str {
    match &explanation.verdict {
        Err(TokenError::Invalid(reason)) => reason,
        _ => "",
    }
}

#[test]
fn good_and_expired() {
    let token = issued_with(SECRET);
    let good = explain(&keys(), &token, NOW);
    assert_eq!(good.signed_by, Some(Signer::Current));
    let header = good.header.unwrap();
    assert_eq!((&header["alg"], &header["typ"]), (&json!("HS256"), &json!("JWT")));
    assert_eq!(header["kid"].as_str(), Some(keys().key_id()));
    let claims = good.claims.unwrap();
    assert_eq!((&claims["user_id"], &claims["sid"]), (&json!("42"), &json!(7)));
    assert_eq!(good.verdict.unwrap().user_id, 42);

    let expired = explain(&keys(), &token, NOW + ACCESS_TOKEN_SECONDS);
    assert_eq!((expired.signed_by, expired.claims), (Some(Signer::Current), Some(claims)));
    assert!(matches!(expired.verdict, Err(TokenError::Expired)));
}

#[test]
fn of_another_key() {
    let previous = explain(&keys(), &issued_with(PREVIOUS), NOW);
    assert_eq!(previous.signed_by, Some(Signer::Previous));
    assert!(previous.verdict.is_ok());

    let foreign = TokenKeys::new(Secret::generate().unwrap()).issue(42, 7, NOW).unwrap();
    let foreign = explain(&keys(), &foreign, NOW);
    assert_eq!(foreign.signed_by, None);
    assert!(
        foreign.header.as_ref().unwrap()["kid"].is_string() && foreign.claims.is_some(),
        "they stand in it all the same"
    );
    assert_eq!(reason(&foreign), "unknown key id");
}

#[test]
fn forged() {
    let token = issued_with(SECRET);
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (header, _) = message.split_once('.').unwrap();
    let claims = base64(r#"{"user_id":"1","admin":true}"#);
    let forged = explain(&keys(), &format!("{header}.{claims}.{signature}"), NOW);
    assert_eq!(forged.signed_by, None);
    assert_eq!(forged.claims.as_ref().unwrap()["admin"], json!(true));
    assert_eq!(reason(&forged), "signature does not match");

    // The current key's name, and the previous key's signature.
    let misnamed = explain(&keys(), &sign_as(message, PREVIOUS, jsonwebtoken::Algorithm::HS256), NOW);
    assert_eq!(misnamed.signed_by, Some(Signer::Previous));
    assert_eq!(reason(&misnamed), "signature does not match");
}

#[test]
fn legacy_while_it_is_off() {
    let token = sign(&format!(
        "{}.{}",
        base64(r#"{"alg":"HS256","typ":"JWT"}"#),
        base64(r#"{"user_id":"42","iat":1800000000,"exp":1800001800}"#),
    ));
    let off = explain(&keys().accept_legacy(false), &token, NOW);
    assert_eq!((off.header.as_ref().unwrap().get("kid"), off.signed_by), (None, Some(Signer::Current)));
    assert_eq!(reason(&off), "legacy tokens are not accepted");
    assert!(explain(&keys(), &token, NOW).verdict.is_ok());
}

#[test]
fn a_header_that_is_refused() {
    let token = issued_with(SECRET);
    let claims = token.split('.').nth(1).unwrap();
    let header = base64(r#"{"alg":"HS256","kid":7,"crit":["exp"]}"#);
    let critical = explain(&keys(), &sign(&format!("{header}.{claims}")), NOW);
    assert_eq!(critical.header.as_ref().unwrap()["crit"], json!(["exp"]));
    assert_eq!(
        (&critical.header.as_ref().unwrap()["kid"], critical.signed_by),
        (&json!(7), Some(Signer::Current))
    );
    assert_eq!(reason(&critical), "not the header of an access token");
}

#[test]
fn garbage() {
    let no_json = URL_SAFE_NO_PAD.encode("no JSON");
    let deep = base64("[".repeat(2000));
    let long = sign(&format!("{}.{}", base64(r#"{"alg":"HS256"}"#), base64(" ".repeat(4000))));
    for token in
        ["", ".", "..", "...", "a.b.c", "\0", "é.é.é", &format!("{no_json}.{deep}.{no_json}"), &deep, &long]
    {
        let garbage = explain(&keys(), token, NOW);
        assert_eq!(garbage.signed_by, None, "{token:?}");
        assert_eq!((garbage.header, garbage.claims), (None, None), "{token:?}");
        assert!(garbage.verdict.is_err());
    }
}
