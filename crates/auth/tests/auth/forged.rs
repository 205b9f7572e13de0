//! Tokens that somebody would like us to accept. Nearly all are signed with the right key, so that it is not the signature
//! that saves us.

use std::collections::HashSet;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use daybook_auth::{Secret, TokenError, TokenKeys};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};

pub(crate) const SECRET: &str = "xvXM9Z8pQ7YnK4mR2wL5bN6hJ3gF1dS0aT9cE8vP7uO6";
pub(crate) const PREVIOUS: &str = "Zk3vT8wQ1yR6uP9sN2mB5cX7dF4gH0jKaLqWeRtYzUiO";
const NOW: i64 = 1_800_000_000;

const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
const CLAIMS: &str =
    r#"{"user_id":"42","iat":1800000000,"exp":1800001800,"sid":7,"jti":"AAAAAAAAAAAAAAAAAAAAAA"}"#;

pub(crate) fn keys() -> TokenKeys {
    TokenKeys::new(Secret::parse(SECRET).unwrap())
        .with_previous(vec![Secret::parse(PREVIOUS).unwrap()])
        .accept_legacy(true)
}

pub(crate) fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Signs a message as it stands.
pub(crate) fn sign_as(message: &str, secret: impl AsRef<[u8]>, algorithm: Algorithm) -> String {
    let signature =
        crypto::sign(message.as_bytes(), &EncodingKey::from_secret(secret.as_ref()), algorithm).unwrap();
    format!("{message}.{signature}")
}

pub(crate) fn sign(message: &str) -> String {
    sign_as(message, SECRET, Algorithm::HS256)
}

fn token(header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
    sign(&format!("{}.{}", base64(header), base64(claims)))
}

fn with_header(header: &str) -> String {
    token(header, CLAIMS)
}

fn with_claims(claims: &str) -> String {
    token(HEADER, claims)
}

/// The good claims with one value replaced by another piece of JSON.
fn with_claim(name: &str, value: &str) -> String {
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

/// A field more in the header.
fn with_parameter(field: &str) -> String {
    with_header(&format!(r#"{{"alg":"HS256","typ":"JWT",{field}}}"#))
}

/// A claim more.
fn with_more(field: &str) -> String {
    with_claims(&format!("{},{field}}}", CLAIMS.strip_suffix('}').unwrap()))
}

/// The id that these keys write into their tokens.
fn kid_of(secret: &str) -> String {
    let token = TokenKeys::new(Secret::parse(secret).unwrap()).issue(1, 1, NOW).unwrap();
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice::<serde_json::Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
}

#[test]
fn what_the_forger_starts_from_is_accepted() {
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

/// Adds the tokens of one kind.
type Attacks = fn(&mut Vec<String>);

const ATTACKS: [(&str, Attacks); 12] = [
    ("other algorithms", other_algorithms),
    ("other keys", other_keys),
    ("key ids", key_ids),
    ("smuggled header parameters", smuggled_header_parameters),
    ("headers that are no objects", headers_that_are_no_objects),
    ("claims of other types", claims_of_other_types),
    ("claims that do not hold", claims_that_do_not_hold),
    ("claims that are missing repeated or not ours", claims_that_are_missing_repeated_or_not_ours),
    ("other shapes", other_shapes),
    ("other signatures", other_signatures),
    ("other spellings of base64", other_spellings_of_base64),
    ("longer than four kib", longer_than_four_kib),
];

#[test]
fn no_attack_is_accepted() {
    let keys = keys();
    let mut tried = HashSet::new();
    for (kind, make) in ATTACKS {
        let mut attacks = Vec::new();
        make(&mut attacks);
        for token in attacks {
            assert!(keys.verify(&token, NOW).is_err(), "{kind}: {token:?}");
            assert!(tried.insert(token.clone()), "{kind}: {token:?} stands twice");
        }
    }
    assert_eq!(tried.len(), 378, "there are to be 60 at least");
}

fn other_algorithms(attacks: &mut Vec<String>) {
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

fn other_keys(attacks: &mut Vec<String>) {
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

fn key_ids(attacks: &mut Vec<String>) {
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
        // Each key with the other's name.
        with_parameter(&format!(r#""kid":"{}""#, kid_of(PREVIOUS))),
        sign_as(
            &format!("{}.{}", base64(format!(r#"{{"alg":"HS256","kid":"{own}"}}"#)), base64(CLAIMS)),
            PREVIOUS,
            Algorithm::HS256,
        ),
    ]);
}

fn smuggled_header_parameters(attacks: &mut Vec<String>) {
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

fn headers_that_are_no_objects(attacks: &mut Vec<String>) {
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

fn claims_of_other_types(attacks: &mut Vec<String>) {
    for name in ["iat", "exp"] {
        attacks.extend(
            [
                "null",
                "true",
                "[]",
                "{}",
                r#""""#,
                r#""1800000000""#,
                "1800000000.0",
                "1800000000.5",
                "1.8e9",
                "18e8",
                "1e400",
                "0x6B49D200",
                "01800000000",
                "+1800000000",
                "NaN",
                "Infinity",
                "[1800000000]",
                "9223372036854775808",
                "18446744073709551616",
                "99999999999999999999999999",
            ]
            .map(|value| with_claim(name, value)),
        );
    }
    attacks.extend(
        [
            "42",
            "null",
            "true",
            "[]",
            "{}",
            r#"["42"]"#,
            r#""""#,
            r#""0""#,
            r#""-1""#,
            r#""+42""#,
            r#""042""#,
            r#"" 42""#,
            r#""42 ""#,
            r#""42\n""#,
            r#""42\u0000""#,
            r#""42.0""#,
            r#""4e1""#,
            r#""0x2A""#,
            r#""4_2""#,
            r#""9223372036854775808""#,
            r#""-9223372036854775808""#,
            r#""٤٢""#,
            r#""４２""#,
            r#""admin""#,
            r#""42,43""#,
            r#""\ud800""#,
        ]
        .map(|value| with_claim("user_id", value)),
    );
    attacks.extend(
        ["null", "0", "-7", r#""7""#, "7.0", "7e0", "true", "[7]", "9223372036854775808"]
            .map(|value| with_claim("sid", value)),
    );
    attacks.extend(["null", "7", "true", "[]", r#"["AAAA"]"#].map(|value| with_claim("jti", value)));
    attacks.extend(
        ["null", r#""1800000000""#, "1800000000.0", "true", "9223372036854775808"]
            .map(|value| with_more(&format!(r#""nbf":{value}"#))),
    );
}

fn claims_that_do_not_hold(attacks: &mut Vec<String>) {
    attacks.extend([
        with_claim("exp", "1800000000"),
        with_claim("exp", "1799999999"),
        with_claim("exp", "0"),
        with_claim("exp", "-0"),
        with_claim("exp", "-1"),
        with_claim("exp", "-9223372036854775808"),
        with_claim("iat", "1800000006"),
        with_claim("iat", "1800001800"),
        with_claim("iat", "1800001801"),
        with_claim("iat", "9223372036854775807"),
        with_more(r#""nbf":1800000006"#),
        with_more(r#""nbf":9223372036854775807"#),
    ]);
}

fn claims_that_are_missing_repeated_or_not_ours(attacks: &mut Vec<String>) {
    attacks.extend(
        [
            "",
            "{}",
            "[]",
            "null",
            r#""42""#,
            r#"["42",1800000000,1800001800]"#,
            r#"["42",1800000000,1800001800,null,7,"AAAA"]"#,
            r#"{"iat":1800000000,"exp":1800001800}"#,
            r#"{"user_id":"42","exp":1800001800}"#,
            r#"{"user_id":"42","iat":1800000000}"#,
            r#"{"user_id":"42","iat":1800000000,"exp":1800001800,"sid":7}"#,
            r#"{"user_id":"42","iat":1800000000,"exp":1800001800,"jti":"AAAA"}"#,
            r#"{"sub":"42","iat":1800000000,"exp":1800001800}"#,
            r#"{"User_Id":"42","iat":1800000000,"exp":1800001800}"#,
            r#"{"user_id":"42","iat":1800000000,"exp":1800001800"#,
            r#"{"user_id":"42","iat":1800000000,"exp":1800001800}x"#,
            r#"{"user_id":"42","iat":1800000000,"exp":1800001800,}"#,
            " {\"user_id\":\"42\",\"iat\":1800000000,\"exp\":1800001800}",
        ]
        .map(with_claims),
    );
    attacks.extend(
        [
            r#""exp":1800001800"#,
            r#""exp":9999999999"#,
            r#""e\u0078p":9999999999"#,
            r#""user_id":"43""#,
            r#""user\u005fid":"43""#,
            r#""sid":8"#,
            r#""nbf":1,"nbf":1"#,
            r#""aud":"daybook""#,
            r#""aud":[]"#,
            r#""iss":"https://example.com""#,
            r#""sub":"42""#,
            r#""scope":"admin""#,
            r#""type":"refresh""#,
            r#""purpose":"reset-password""#,
            r#""__proto__":{}"#,
        ]
        .map(with_more),
    );
    attacks.extend([
        token(HEADER, b"\xff\xfe"),
        with_claims(&"[".repeat(2000)),
        with_claims(&"{\"a\":".repeat(500)),
    ]);
    attacks
        .extend([with_claims(&token(HEADER, CLAIMS)), with_claims(&format!("{:?}", token(HEADER, CLAIMS)))]);
}

fn other_shapes(attacks: &mut Vec<String>) {
    let good = token(HEADER, CLAIMS);
    let [header, claims, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    attacks.extend(["", " ", ".", "..", "...", "....", "a.b.c", "null", "\0", "é.é.é"].map(str::to_owned));
    attacks.extend([
        header.to_owned(),
        format!("{header}.{claims}"),
        format!("{header}.{claims}."),
        format!("{header}..{signature}"),
        format!(".{claims}.{signature}"),
        format!("{header}.{signature}"),
        format!("{good}."),
        format!(".{good}"),
        format!("{header}..{claims}.{signature}"),
        format!("{good}.{signature}"),
        format!("{good}.{good}"),
        format!("{header}.{header}.{claims}.{signature}.{signature}"),
        format!("{}.{header}.{claims}.{signature}.{signature}", base64(r#"{"alg":"dir","enc":"A256GCM"}"#)),
        sign(&format!("{header}.{claims}.{claims}")),
        sign(header),
        format!("Bearer {good}"),
        format!("{good},{good}"),
        format!(r#"{{"protected":"{header}","payload":"{claims}","signature":"{signature}"}}"#),
    ]);
    attacks.extend(
        [" ", "\n", "\r\n", "\t", "\0", "\u{feff}", "\u{200b}", "\u{a0}", "%20"].into_iter().flat_map(
            |blank| {
                [
                    format!("{blank}{good}"),
                    format!("{good}{blank}"),
                    format!("{header}{blank}.{claims}.{signature}"),
                    format!("{header}.{claims}{blank}.{signature}"),
                    format!("{header}.{claims}.{blank}{signature}"),
                    sign(&format!("{header}{blank}.{claims}")),
                    sign(&format!("{header}.{}{blank}{}", &claims[..8], &claims[8..])),
                ]
            },
        ),
    );
}

fn other_signatures(attacks: &mut Vec<String>) {
    let good = token(HEADER, CLAIMS);
    let (message, signature) = good.rsplit_once('.').unwrap();
    let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    attacks.extend(
        [
            base64(&bytes[..31]),
            base64(&bytes[..16]),
            base64(&bytes[..1]),
            base64([0; 32]),
            base64(bytes.repeat(2)),
            base64([bytes.as_slice(), b"\0"].concat()),
            base64(bytes.iter().rev().copied().collect::<Vec<_>>()),
            hex.clone(),
            base64(hex),
            format!("{signature}="),
            format!("{signature}AA"),
            base64(signature),
        ]
        .map(|signature| format!("{message}.{signature}")),
    );
}

/// Signed as they stand, so only the spelling is wrong.
fn other_spellings_of_base64(attacks: &mut Vec<String>) {
    // One byte more than a multiple of three: two characters in the last group, the second with four bits to spare.
    let spare =
        |json: &str| json.replacen('{', &format!("{{{}", " ".repeat((3 + 1 - json.len() % 3) % 3)), 1);
    let (header, claims) = (spare(HEADER), spare(CLAIMS));
    assert_eq!((header.len() % 3, claims.len() % 3), (1, 1));
    assert!(keys().verify(&token(&header, &claims), NOW).is_ok(), "the JSON is not what is refused");
    let (header, claims) = (base64(header), base64(claims));
    let not_canonical = |part: &str| {
        let (rest, last) = part.split_at(part.len() - 1);
        let next = char::from(last.as_bytes()[0] + 1);
        format!("{rest}{next}")
    };
    attacks.extend([
        sign(&format!("{}.{claims}", not_canonical(&header))),
        sign(&format!("{header}.{}", not_canonical(&claims))),
        sign(&format!("{header}==.{claims}")),
        sign(&format!("{header}.{claims}==")),
        sign(&format!("{header}.{claims}A")),
        sign(&format!("{header}.{}", claims.replacen('e', "%65", 1))),
    ]);
    // A claim whose base64 has the two characters in which the alphabets differ.
    let odd = CLAIMS.replace("AAAAAAAAAAAAAAAAAAAAAA", "???>>>~~~ÿÿÿ");
    let standard = STANDARD.encode(&odd);
    assert!(standard.contains(['+', '/']));
    assert!(keys().verify(&token(HEADER, &odd), NOW).is_ok(), "the JSON is not what is refused");
    attacks.extend([sign(&format!("{}.{standard}", base64(HEADER)))]);
}

fn longer_than_four_kib(attacks: &mut Vec<String>) {
    let with_length = |length: usize| with_claim("jti", &format!("{:?}", "A".repeat(length)));
    let fits = (2800..3100).rev().map(with_length).find(|token| token.len() <= 4096).unwrap();
    assert!(fits.len() > 4080 && keys().verify(&fits, NOW).is_ok());
    attacks.extend([with_length(3100), with_length(1_000_000)]);
    attacks.extend([
        "A".repeat(1 << 20),
        ".".repeat(1 << 20),
        format!("{}.{}.A", "e".repeat(9000), "e".repeat(9000)),
    ]);
}

#[test]
fn legacy_tokens_only_where_they_are_wanted() {
    let legacy = with_claims(r#"{"user_id":"42","iat":1800000000,"exp":1800001800}"#);
    let strict = TokenKeys::new(Secret::parse(SECRET).unwrap());
    assert!(strict.verify(&legacy, NOW).is_err());
    assert!(strict.accept_legacy(true).verify(&legacy, NOW).is_ok());
}

/// The reason would be another if the signature had been looked at.
#[test]
fn an_unknown_key_id_is_refused_before_any_key_is_tried() {
    let right = with_parameter(r#""kid":"unknown""#);
    let (message, _) = right.rsplit_once('.').unwrap();
    for token in [right.as_str(), &format!("{message}.{}", base64([0; 32])), &format!("{message}.%")] {
        assert!(matches!(keys().verify(token, NOW), Err(TokenError::Invalid("unknown key id"))), "{token:?}");
    }
}
