//! Signs arbitrary headers and claims, as a forger who has the key could.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use daybook_auth::{Secret, TokenKeys};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};

pub(crate) const SECRET: &str = "xvXM9Z8pQ7YnK4mR2wL5bN6hJ3gF1dS0aT9cE8vP7uO6";
pub(crate) const PREVIOUS: &str = "Zk3vT8wQ1yR6uP9sN2mB5cX7dF4gH0jKaLqWeRtYzUiO";
pub(crate) const NOW: i64 = 1_800_000_000;

pub(crate) const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
pub(crate) const CLAIMS: &str =
    r#"{"user_id":"42","iat":1800000000,"exp":1800001800,"sid":7,"jti":"AAAAAAAAAAAAAAAAAAAAAA"}"#;

pub(crate) fn keys() -> TokenKeys {
    TokenKeys::new(Secret::parse(SECRET).unwrap())
        .with_previous(vec![Secret::parse(PREVIOUS).unwrap()])
        .accept_legacy(true)
}

pub(crate) fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Signs any message.
pub(crate) fn sign_as(message: &str, secret: impl AsRef<[u8]>, algorithm: Algorithm) -> String {
    let signature =
        crypto::sign(message.as_bytes(), &EncodingKey::from_secret(secret.as_ref()), algorithm).unwrap();
    format!("{message}.{signature}")
}

pub(crate) fn sign(message: &str) -> String {
    sign_as(message, SECRET, Algorithm::HS256)
}

pub(crate) fn token(header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
    sign(&format!("{}.{}", base64(header), base64(claims)))
}

pub(crate) fn with_header(header: &str) -> String {
    token(header, CLAIMS)
}

pub(crate) fn with_claims(claims: &str) -> String {
    token(HEADER, claims)
}

/// A token with valid claims, except for one value, which is replaced by another piece of JSON.
pub(crate) fn with_claim(name: &str, value: &str) -> String {
    let claims = [
        ("user_id", r#""42""#),
        ("iat", "1800000000"),
        ("exp", "1800001800"),
        ("sid", "7"),
        ("jti", r#""AAAAAAAAAAAAAAAAAAAAAA""#),
    ];
    assert!(claims.iter().any(|claim| claim.0 == name));
    let fields = claims.map(|(n, v)| format!(r#""{n}":{}"#, if n == name { value } else { v }));
    with_claims(&format!("{{{}}}", fields.join(",")))
}

/// A token with an additional header parameter.
pub(crate) fn with_parameter(field: &str) -> String {
    with_header(&format!(r#"{{"alg":"HS256","typ":"JWT",{field}}}"#))
}

/// A token with an additional claim.
pub(crate) fn with_more(field: &str) -> String {
    with_claims(&format!("{},{field}}}", CLAIMS.strip_suffix('}').unwrap()))
}

/// The `kid` in the tokens of this secret.
pub(crate) fn kid_of(secret: &str) -> String {
    let token = TokenKeys::new(Secret::parse(secret).unwrap()).issue(1, 1, NOW).unwrap();
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice::<serde_json::Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
}
