//! Google's and C2SP's vectors for JWS, those for HMAC: `tests/auth/data/README.md` says where they are from.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use super::{TokenKeys, key::Key};

const VECTORS: &str = include_str!("../../tests/auth/data/wycheproof_jws.json");

/// Called invalid, and the same text as number 357, which is valid: the padding they are about got lost upstream.
const VALID: [u64; 2] = [367, 370];
/// Called valid for the sake of readers that skip what is no base64url. RFC 7515 allows no such thing, and neither do we.
const INVALID: [u64; 2] = [372, 373];

#[test]
fn every_vector() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for group in vectors["testGroups"].as_array().unwrap() {
        let key = &group["private"];
        let secret = URL_SAFE_NO_PAD.decode(key["k"].as_str().unwrap()).unwrap();
        let key = Key::named(key["kid"].as_str().unwrap().to_owned(), &secret);
        let keys = TokenKeys { current: key, previous: Vec::new(), accept_legacy: true };
        for vector in group["tests"].as_array().unwrap() {
            let (id, token) = (vector["tcId"].as_u64().unwrap(), vector["jws"].as_str().unwrap());
            let listed = vector["result"] == "valid";
            let expected = (listed || VALID.contains(&id)) && !INVALID.contains(&id);
            assert_eq!(keys.open(token).is_ok(), expected, "{vector}");
            assert!(keys.verify(token, 0).is_err(), "no vector has our claims: {vector}");
            *if expected { &mut valid } else { &mut invalid } += 1;
        }
    }
    assert_eq!((valid, invalid), (10, 30));
}
