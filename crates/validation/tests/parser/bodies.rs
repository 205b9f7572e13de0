//! JSON bodies as a whole: several problems at once, rules and secrets.

use std::fmt;

use garde::Validate;
use serde::de::{self, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::{PARSER, found, sent};

/// A type that parses itself, with its own sentence. It accepts only its own format.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
struct Email(String);

impl TryFrom<String> for Email {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        if text.contains('@') { Ok(Self(text)) } else { Err("An email address must have an @-sign.") }
    }
}

/// A type that parses itself, with Pydantic's sentence.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
struct Username(String);

impl TryFrom<String> for Username {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        if text.len() < 3 { Err("String should have at least 3 characters") } else { Ok(Self(text)) }
    }
}

/// Deserializes with `deserialize_any`, so that serde_json does not print it.
#[derive(Debug, PartialEq)]
struct Password(String);

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Password;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Password, E> {
                Ok(Password(text.to_owned()))
            }

            fn visit_u64<E: de::Error>(self, _: u64) -> Result<Password, E> {
                Err(E::invalid_type(Unexpected::Other("number"), &self))
            }
        }

        deserializer.deserialize_any(Text)
    }
}

/// The minimum length of a password.
struct Policy(usize);

#[derive(Debug, PartialEq, Deserialize, Validate)]
#[garde(context(Policy))]
#[garde(custom(passwords_match))]
struct Registration {
    #[garde(skip)]
    email: Email,
    #[garde(skip)]
    username: Username,
    #[garde(custom(long_enough))]
    password: Password,
    #[garde(skip)]
    confirm_password: Option<Password>,
    #[garde(skip)]
    #[serde(default)]
    newsletter: bool,
}

fn long_enough(password: &Password, policy: &Policy) -> garde::Result {
    match password.0.len() < policy.0 {
        true => Err(garde::Error::new(daybook_validation::sentence::string_too_short(policy.0))),
        false if password.0.contains(' ') => Err(garde::Error::new("Password must not have a blank")),
        false => Ok(()),
    }
}

fn passwords_match(body: &Registration, _: &Policy) -> garde::Result {
    match &body.confirm_password {
        Some(again) if *again != body.password => Err(garde::Error::new("Passwords must match")),
        _ => Ok(()),
    }
}

fn register(body: &Value) -> Result<Registration, Vec<daybook_validation::Issue>> {
    PARSER.json(body.to_string().as_bytes(), &Policy(6))
}

fn good() -> Value {
    json!({ "email": "a@b", "username": "ada", "password": "secret", "confirm_password": "secret" })
}

/// Returns the good body with some values replaced.
fn with(changes: &Value) -> Value {
    let mut body = good();
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

#[test]
fn json_reads_a_valid_body() {
    let body = register(&good()).unwrap();
    assert_eq!((body.email, body.username), (Email("a@b".into()), Username("ada".into())));
    assert!(!body.newsletter);
    let lenient = register(&with(&json!({ "newsletter": "yes", "unknown": [1] }))).unwrap();
    assert!(lenient.newsletter);
}

#[test]
fn json_reports_every_problem_in_the_order_of_the_fields() {
    let body = json!({ "email": "x", "username": "y", "password": "z", "confirm_password": "other" });
    assert_eq!(
        sent(register(&body)),
        json!([
            {
                "type": "value_error",
                "loc": ["body", "email"],
                "msg": "value is not a valid email address: An email address must have an @-sign.",
                "input": "x",
                "ctx": { "reason": "An email address must have an @-sign." }
            },
            {
                "type": "string_too_short",
                "loc": ["body", "username"],
                "msg": "String should have at least 3 characters",
                "input": "y",
                "ctx": { "min_length": 3 }
            },
            {
                "type": "string_too_short",
                "loc": ["body", "password"],
                "msg": "String should have at least 6 characters",
                "ctx": { "min_length": 6 }
            }
        ])
    );
}

#[test]
fn json_checks_the_rules_of_the_fields_that_can_be_read() {
    for (changes, issues) in [
        (
            json!({ "email": 1, "username": "ab", "password": "x" }),
            ["string_type body.email", "string_too_short body.username", "string_too_short body.password"]
                .as_slice(),
        ),
        (
            json!({ "email": null, "password": "a b c d" }),
            &["string_type body.email", "value_error body.password"],
        ),
        (json!({ "password": 1_234_567 }), &["string_type body.password"]),
        (
            json!({ "password": null, "newsletter": [] }),
            &["string_type body.password", "bool_type body.newsletter"],
        ),
    ] {
        assert_eq!(found(register(&with(&changes))), issues, "{changes}");
    }
    assert_eq!(
        found(register(&json!({ "password": "x" }))),
        ["missing body.email", "missing body.username", "string_too_short body.password"]
    );
}

#[test]
fn json_reports_a_rule_of_the_struct_only_if_every_field_is_valid() {
    let other = json!({ "confirm_password": "other" });
    assert_eq!(
        sent(register(&with(&other))),
        json!([{
            "type": "value_error",
            "loc": ["body"],
            "msg": "Value error, Passwords must match",
            "ctx": { "error": {} }
        }])
    );
    let email = json!({ "confirm_password": "other", "email": "x" });
    assert_eq!(found(register(&with(&email))), ["value_error body.email"]);
}

#[test]
fn json_does_not_require_a_field_with_a_default() {
    assert_eq!(found(register(&json!({ "email": "x" }))).len(), 3);
    assert!(!sent(register(&with(&json!({ "email": "x" })))).to_string().contains("newsletter"));
}

#[test]
fn json_never_repeats_a_secret() {
    let canary = 123_456_789_012_345_u64;
    for value in [json!(canary), json!([canary]), json!({ "a": canary }), json!("123456789012345 ")] {
        let body = with(&json!({ "password": value, "confirm_password": value }));
        let issues = sent(register(&body));
        assert!(issues.is_array() && !issues.to_string().contains("12345678"), "{issues}");
    }
}

#[test]
fn json_never_repeats_a_large_value_an_object_or_a_list() {
    for value in [json!("x".repeat(1_025)), json!({ "a": 1 }), json!([1])] {
        let issues = sent(register(&with(&json!({ "email": value }))));
        assert_eq!(issues[0].get("input"), None, "{issues}");
    }
    let issues = sent(register(&with(&json!({ "email": "x".repeat(1_024) }))));
    assert!(issues[0]["input"].is_string());
}

#[test]
fn json_rejects_a_body_that_is_not_an_object() {
    for text in ["[]", r#"["a@b","ada","secret"]"#, "7", "null", " \"text\""] {
        let issues = sent(PARSER.json::<Registration>(text.as_bytes(), &Policy(6)));
        let sentence = "Input should be a valid dictionary or object to extract fields from";
        let issue = json!([{ "type": "model_attributes_type", "loc": ["body"], "msg": sentence }]);
        assert_eq!(issues, issue, "{text}");
    }
    let empty = sent(PARSER.json::<Registration>(b"", &Policy(6)));
    assert_eq!(
        empty,
        json!([{ "type": "missing", "loc": ["body"], "msg": "Field required", "input": null }])
    );
    for (text, position) in [("{", 1), ("\u{feff}{nope", 1), ("\u{feff}\u{feff}{}", 0), (" ", 1), ("{}x", 2)]
    {
        let result = PARSER.json::<Registration>(text.as_bytes(), &Policy(6));
        assert_eq!(found(result), [format!("json_invalid body.{position}")], "{text:?}");
    }
}

#[test]
fn json_keeps_the_last_of_two_members_with_the_same_name() {
    let text = good().to_string().replace('{', r#"{"username":1,"username":2,"#);
    assert_eq!(PARSER.json::<Registration>(text.as_bytes(), &Policy(6)).unwrap().username.0, "ada");
    let text = good().to_string().replace('}', r#","username":1}"#);
    let result = PARSER.json::<Registration>(text.as_bytes(), &Policy(6));
    assert_eq!(found(result), ["string_type body.username"]);
}

#[test]
fn optional_json_reads_no_body_and_null_as_none() {
    for text in ["", "null", " null\n", "\u{feff}null"] {
        let body = PARSER.optional_json::<Registration>(text.as_bytes(), &Policy(6));
        assert_eq!(body, Ok(None), "{text:?}");
    }
    let text = good().to_string();
    assert!(PARSER.optional_json::<Registration>(text.as_bytes(), &Policy(6)).unwrap().is_some());
    for (text, kind) in [("{}", "missing"), ("[]", "model_attributes_type"), (" ", "json_invalid")] {
        let issues = PARSER.optional_json::<Registration>(text.as_bytes(), &Policy(6)).unwrap_err();
        assert_eq!(issues[0].kind, kind, "{text:?}");
    }
}

#[test]
fn check_placeholders_accepts_bodies_of_common_types() {
    assert_eq!(PARSER.check_placeholders::<Registration>(), Ok(()));
}
