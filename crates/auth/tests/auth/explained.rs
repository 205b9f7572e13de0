//! The explanations of valid, expired, forged and malformed tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use daybook_auth::{ACCESS_TOKEN_SECONDS, Explanation, Secret, Signer, TokenError, TokenKeys};
use jsonwebtoken::Algorithm;
use serde_json::json;

use crate::forge::{NOW, PREVIOUS, SECRET, base64, keys, sign, sign_as};

fn issue_with(secret: &str) -> String {
    TokenKeys::new(Secret::parse(secret).unwrap()).issue(42, 7, NOW).unwrap()
}

/// Explains a token, and checks that the verdict is that of `verify` and that no secret and no
/// signature is shown.
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
fn explain_shows_a_valid_and_an_expired_token() {
    let token = issue_with(SECRET);
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
fn explain_names_the_key_that_signed() {
    let previous = explain(&keys(), &issue_with(PREVIOUS), NOW);
    assert_eq!(previous.signed_by, Some(Signer::Previous));
    assert!(previous.verdict.is_ok());

    let foreign = TokenKeys::new(Secret::generate().unwrap()).issue(42, 7, NOW).unwrap();
    let foreign = explain(&keys(), &foreign, NOW);
    assert_eq!(foreign.signed_by, None);
    assert!(
        foreign.header.as_ref().unwrap()["kid"].is_string() && foreign.claims.is_some(),
        "the parts are shown although the key is unknown"
    );
    assert_eq!(reason(&foreign), "unknown key id");
}

#[test]
fn explain_shows_forged_claims_and_the_reason() {
    let token = issue_with(SECRET);
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (header, _) = message.split_once('.').unwrap();
    let claims = base64(r#"{"user_id":"1","admin":true}"#);
    let forged = explain(&keys(), &format!("{header}.{claims}.{signature}"), NOW);
    assert_eq!(forged.signed_by, None);
    assert_eq!(forged.claims.as_ref().unwrap()["admin"], json!(true));
    assert_eq!(reason(&forged), "signature does not match");

    // The id of the current key with a signature of the previous key.
    let misnamed = explain(&keys(), &sign_as(message, PREVIOUS, Algorithm::HS256), NOW);
    assert_eq!(misnamed.signed_by, Some(Signer::Previous));
    assert_eq!(reason(&misnamed), "signature does not match");
}

#[test]
fn explain_names_legacy_tokens_that_are_not_accepted() {
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
fn explain_shows_a_rejected_header() {
    let token = issue_with(SECRET);
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
fn explain_shows_nothing_of_garbage() {
    let no_json = URL_SAFE_NO_PAD.encode("no JSON");
    let deep = base64("[".repeat(2000));
    let long = sign(&format!("{}.{}", base64(r#"{"alg":"HS256"}"#), base64(" ".repeat(4000))));
    for token in [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "\0",
        "\u{e9}.\u{e9}.\u{e9}",
        &format!("{no_json}.{deep}.{no_json}"),
        &deep,
        &long,
    ] {
        let garbage = explain(&keys(), token, NOW);
        assert_eq!(garbage.signed_by, None, "{token:?}");
        assert_eq!((garbage.header, garbage.claims), (None, None), "{token:?}");
        assert!(garbage.verdict.is_err());
    }
}
