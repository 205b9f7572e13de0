//! Attacks through the header of a token: algorithms, keys, and additional parameters.

use jsonwebtoken::Algorithm;

use crate::forge::{
    CLAIMS, HEADER, PREVIOUS, SECRET, base64, kid_of, sign, sign_as, token, with_header, with_parameter,
};

pub(super) fn other_algorithms(attacks: &mut Vec<String>) {
    let unsigned = |alg: &str| format!("{}.{}.", base64(format!(r#"{{"alg":{alg}}}"#)), base64(CLAIMS));
    attacks.extend([r#""none""#, r#""None""#, r#""NONE""#, r#""nOnE""#, r#""""#, "null"].map(unsigned));
    attacks.extend(
        [
            "none",
            "None",
            "",
            "HS384",
            "HS512",
            "RS256",
            "RS384",
            "RS512",
            "ES256",
            "ES384",
            "ES512",
            "ES256K",
            "PS256",
            "PS384",
            "PS512",
            "EdDSA",
            "Ed25519",
            "HS1",
            "HS256K",
            "hs256",
            "HS256 ",
            " HS256",
            "HS256\\u0000",
            "HS-256",
            "HMACSHA256",
            "A256KW",
            "dir",
        ]
        .map(|alg| with_header(&format!(r#"{{"alg":"{alg}","typ":"JWT"}}"#))),
    );
    attacks.extend(
        ["null", "256", "true", r#"["HS256"]"#, r#"{"HS256":1}"#, "[]"]
            .map(|alg| with_header(&format!(r#"{{"alg":{alg},"typ":"JWT"}}"#))),
    );
    for (algorithm, name) in [(Algorithm::HS384, "HS384"), (Algorithm::HS512, "HS512")] {
        for name in [name, "HS256"] {
            let message = format!("{}.{}", base64(format!(r#"{{"alg":"{name}"}}"#)), base64(CLAIMS));
            attacks.extend([sign_as(&message, SECRET, algorithm)]);
        }
    }
}

pub(super) fn other_keys(attacks: &mut Vec<String>) {
    let message = format!("{}.{}", base64(HEADER), base64(CLAIMS));
    let kid = kid_of(SECRET);
    let secrets: [&[u8]; 6] = [
        b"",
        b"secret",
        &SECRET.as_bytes()[1..],
        HEADER.as_bytes(),
        kid.as_bytes(),
        &[SECRET.as_bytes(), b"\0".repeat(21).as_slice()].concat(),
    ];
    for secret in secrets {
        attacks.extend([sign_as(&message, secret, Algorithm::HS256)]);
    }
    let claims_first = format!("{}.{}", base64(CLAIMS), base64(HEADER));
    let signature = sign(&claims_first).rsplit_once('.').unwrap().1.to_owned();
    attacks.extend([sign(&claims_first), format!("{message}.{signature}")]);
}

pub(super) fn key_ids(attacks: &mut Vec<String>) {
    attacks.extend(
        [
            r#""""#,
            r#""unknown""#,
            r#""../../../../dev/null""#,
            r#""' UNION SELECT 'x""#,
            r#""http://example.com/key""#,
            r#""AAAAAAAAAAA""#,
            "null",
            "0",
            "true",
            "[]",
            "{}",
        ]
        .map(|kid| with_parameter(&format!(r#""kid":{kid}"#))),
    );
    let own = kid_of(SECRET);
    attacks.extend([
        with_parameter(&format!(r#""kid":"{own} ""#)),
        with_parameter(&format!(r#""kid":"{}""#, own.to_uppercase())),
        with_parameter(&format!(r#""kid":["{own}"]"#)),
        with_parameter(&format!(r#""KID":"{own}""#)),
        with_parameter(&format!(r#""kid":"{own}","kid":"{own}""#)),
        with_parameter(&format!(r#""kid":"{own}","k\u0069d":"{own}""#)),
        // Each key with the id of the other.
        with_parameter(&format!(r#""kid":"{}""#, kid_of(PREVIOUS))),
        sign_as(
            &format!("{}.{}", base64(format!(r#"{{"alg":"HS256","kid":"{own}"}}"#)), base64(CLAIMS)),
            PREVIOUS,
            Algorithm::HS256,
        ),
    ]);
}

pub(super) fn smuggled_header_parameters(attacks: &mut Vec<String>) {
    let own_key = format!(r#""jwk":{{"kty":"oct","k":"{}"}}"#, base64(SECRET));
    attacks.extend(
        [
            r#""crit":["exp"]"#,
            r#""crit":[]"#,
            r#""crit":["b64"],"b64":false"#,
            r#""crit":["http://example.com/x"],"http://example.com/x":true"#,
            r#""crit":null"#,
            r#""b64":false"#,
            r#""b64":true"#,
            r#""jku":"https://example.com/keys.json""#,
            own_key.as_str(),
            r#""x5u":"https://example.com/chain.pem""#,
            r#""x5c":["MIIB"]"#,
            r#""x5c":[]"#,
            r#""x5t":"AAAA""#,
            r#""x5t#S256":"AAAA""#,
            r#""zip":"DEF""#,
            r#""enc":"A256GCM""#,
            r#""epk":{}"#,
            r#""p2c":1000000000,"p2s":"AAAA""#,
            r#""cty":"JWT""#,
            r#""url":"https://example.com""#,
            r#""nonce":"AAAA""#,
            r#""exp":1"#,
            r#""alg":"none""#,
            r#""alg":"HS256""#,
            r#""\u0061lg":"HS256""#,
            r#""ALG":"none""#,
            r#""typ":"JWT""#,
            r#""":1"#,
        ]
        .map(with_parameter),
    );
    attacks.extend(
        [
            r#""at+jwt""#,
            r#""JWE""#,
            r#""JOSE""#,
            r#""application/jwt""#,
            r#""JWT ""#,
            r#""""#,
            "null",
            "1",
            r#"["JWT"]"#,
        ]
        .map(|typ| with_header(&format!(r#"{{"alg":"HS256","typ":{typ}}}"#))),
    );
}

pub(super) fn headers_that_are_not_objects(attacks: &mut Vec<String>) {
    attacks.extend(
        [
            "",
            "{}",
            "[]",
            r#"["HS256"]"#,
            r#"["HS256","JWT",null]"#,
            r#"[{"alg":"HS256"}]"#,
            r#""HS256""#,
            "null",
            "HS256",
            r#"{"typ":"JWT"}"#,
            r#"{"alg":"HS256","typ":"JWT""#,
            r#"{"alg":"HS256","typ":"JWT"}}"#,
            r#"{"alg":"HS256","typ":"JWT"}{}"#,
            r#"{"alg":"HS256","typ":"JWT",}"#,
            r#"{'alg':'HS256'}"#,
            r#"{"alg":"HS256"/**/}"#,
            "\u{feff}{\"alg\":\"HS256\"}",
            " {\"alg\":\"HS256\"}",
            "{\"alg\":\"HS256\"}\0",
        ]
        .map(with_header),
    );
    attacks.extend([token(b"{\"alg\":\"HS256\",\"typ\":\"JWT\xff\"}", CLAIMS), token(b"\xff\xfe", CLAIMS)]);
}
