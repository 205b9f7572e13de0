//! Attacks through the claims of a token: other types, other times, and additional claims.

use crate::forge::{CLAIMS, HEADER, token, with_claim, with_claims, with_more};

pub(super) fn claims_of_other_types(attacks: &mut Vec<String>) {
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

pub(super) fn claims_with_wrong_times(attacks: &mut Vec<String>) {
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

pub(super) fn missing_repeated_and_unknown_claims(attacks: &mut Vec<String>) {
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
