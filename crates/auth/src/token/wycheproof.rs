//! Test: the HMAC vectors of Wycheproof for JWS. `tests/auth/data/README.md` names their source.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::key::Key;
use super::keys::TokenKeys;

const VECTORS: &str = include_str!("../../tests/auth/data/wycheproof_jws.json");

/// Listed as invalid, but the same text as the valid vector 357. These vectors are about padding,
/// which the published file has lost.
const VALID: [u64; 2] = [367, 370];
/// Listed as valid for readers that skip characters outside of base64url. RFC 7515 does not allow
/// such characters, and this crate rejects them.
const INVALID: [u64; 2] = [372, 373];

#[test]
fn open_agrees_with_every_wycheproof_vector() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for group in vectors["testGroups"].as_array().unwrap() {
        let key = &group["private"];
        let secret = URL_SAFE_NO_PAD.decode(key["k"].as_str().unwrap()).unwrap();
        let key = Key::with_id(key["kid"].as_str().unwrap().to_owned(), &secret);
        let keys = TokenKeys { current: key, previous: Vec::new(), accept_legacy: true };
        for vector in group["tests"].as_array().unwrap() {
            let (id, token) = (vector["tcId"].as_u64().unwrap(), vector["jws"].as_str().unwrap());
            let listed = vector["result"] == "valid";
            let expected = (listed || VALID.contains(&id)) && !INVALID.contains(&id);
            assert_eq!(keys.open(token).is_ok(), expected, "{vector}");
            assert!(keys.verify(token, 0).is_err(), "no vector has the claims of this crate: {vector}");
            *if expected { &mut valid } else { &mut invalid } += 1;
        }
    }
    assert_eq!((valid, invalid), (10, 30));
}
