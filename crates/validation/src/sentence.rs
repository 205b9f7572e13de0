//! The rules of garde in the words of Pydantic.
//!
//! A garde error is a text. Where Pydantic has a type and numbers beside its text, the text carries all three, encoded as JSON,
//! and [`issue`] takes them apart again.

use std::borrow::Cow;
use std::fmt::Display;

use daybook_auth::{Password, PasswordPolicy, PolicyViolation};
use daybook_domain::SummaryLength;
use garde::i18n::{
    DefaultI18n, I18n, InvalidCreditCard, InvalidEmail, InvalidPhoneNumber, InvalidUrl, IpKind,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Issue, Source};

#[derive(Serialize, Deserialize)]
struct Violation<'a> {
    #[serde(rename = "type")]
    kind: Cow<'a, str>,
    msg: Cow<'a, str>,
    ctx: Value,
}

fn encode(kind: &'static str, msg: String, ctx: Value) -> String {
    serde_json::to_string(&Violation { kind: kind.into(), msg: msg.into(), ctx }).unwrap_or_default()
}

/// What a broken rule says about a field of this source; an empty name is the whole.
pub(crate) fn issue(source: &Source<'_>, field: &str, message: &str) -> Issue {
    let (kind, msg, ctx) = match serde_json::from_str::<Violation<'_>>(message) {
        Ok(violation) => (violation.kind.into_owned(), violation.msg.into_owned(), violation.ctx),
        Err(_) => value_error(field, message),
    };
    if field.is_empty() {
        return Issue::of_part(source.part(), kind, msg).with_ctx(ctx);
    }
    Issue::of_field(source.part(), field, kind, msg)
        .with_input(source.field(field).map(Cow::into_owned))
        .with_ctx(ctx)
}

/// A rule of our own: Pydantic says of a validator function that raised, and of an e-mail address, different things.
fn value_error(field: &str, sentence: &str) -> (String, String, Value) {
    let (msg, ctx) = if field == "email" {
        (format!("value is not a valid email address: {sentence}"), json!({ "reason": sentence }))
    } else {
        (format!("Value error, {sentence}"), json!({ "error": {} }))
    };
    ("value_error".to_owned(), msg, ctx)
}

fn too_short(min: usize) -> String {
    let plural = if min == 1 { "" } else { "s" };
    let msg = format!("String should have at least {min} character{plural}");
    encode("string_too_short", msg, json!({ "min_length": min }))
}

fn too_long(max: usize) -> String {
    let plural = if max == 1 { "" } else { "s" };
    let msg = format!("String should have at most {max} character{plural}");
    encode("string_too_long", msg, json!({ "max_length": max }))
}

/// A password that is about to be stored, by the configured policy.
pub(crate) fn password_rule(password: &Password, policy: &PasswordPolicy) -> garde::Result {
    match policy.check(password.expose(), &[]) {
        Ok(()) => Ok(()),
        Err(PolicyViolation::TooShort { min }) => Err(garde::Error::new(too_short(min))),
        Err(PolicyViolation::TooLong { max }) => Err(garde::Error::new(too_long(max))),
        Err(other) => Err(garde::Error::new(other)),
    }
}

/// The only grant that the login form knows (RFC 6749, section 4.3.2).
pub(crate) fn grant_type_rule<C>(grant_type: &Option<String>, _: &C) -> garde::Result {
    only("password", grant_type.as_deref())
}

/// The only grant of a refresh (RFC 6749, section 6).
pub(crate) fn refresh_grant_type_rule<C>(grant_type: &Option<String>, _: &C) -> garde::Result {
    only("refresh_token", grant_type.as_deref())
}

fn only(grant: &str, sent: Option<&str>) -> garde::Result {
    if sent.is_none_or(|sent| sent.is_empty() || sent == grant) {
        return Ok(());
    }
    let pattern = format!("^{grant}$");
    let msg = format!("String should match pattern '{pattern}'");
    Err(garde::Error::new(encode("string_pattern_mismatch", msg, json!({ "pattern": pattern }))))
}

/// How long a summary is to be.
pub(crate) fn length_rule<C>(length: &Option<String>, _: &C) -> garde::Result {
    if length.as_deref().is_none_or(|name| SummaryLength::from_name(name).is_some()) {
        return Ok(());
    }
    let expected = "'short', 'medium' or 'long'";
    let msg = format!("Input should be {expected}");
    Err(garde::Error::new(encode("literal_error", msg, json!({ "expected": expected }))))
}

/// garde's own rules, of which daybook uses lengths and ranges.
pub(crate) struct Pydantic;

impl I18n for Pydantic {
    fn length_lower_than(&self, min: usize) -> Cow<'static, str> {
        too_short(min).into()
    }

    fn length_greater_than(&self, max: usize) -> Cow<'static, str> {
        too_long(max).into()
    }

    fn range_lower_than(&self, min: &dyn Display) -> Cow<'static, str> {
        bound("greater_than_equal", "greater than or equal to", "ge", min).into()
    }

    fn range_greater_than(&self, max: &dyn Display) -> Cow<'static, str> {
        bound("less_than_equal", "less than or equal to", "le", max).into()
    }

    fn credit_card_invalid(&self, reason: InvalidCreditCard) -> Cow<'static, str> {
        DefaultI18n.credit_card_invalid(reason)
    }

    fn pattern_no_match(&self, pattern: &dyn Display) -> Cow<'static, str> {
        DefaultI18n.pattern_no_match(pattern)
    }

    fn contains_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
        DefaultI18n.contains_missing(pattern)
    }

    fn url_invalid(&self, reason: InvalidUrl) -> Cow<'static, str> {
        DefaultI18n.url_invalid(reason)
    }

    fn prefix_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
        DefaultI18n.prefix_missing(pattern)
    }

    fn suffix_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
        DefaultI18n.suffix_missing(pattern)
    }

    fn phone_number_invalid(&self, reason: InvalidPhoneNumber) -> Cow<'static, str> {
        DefaultI18n.phone_number_invalid(reason)
    }

    fn ip_invalid(&self, kind: IpKind) -> Cow<'static, str> {
        DefaultI18n.ip_invalid(kind)
    }

    fn matches_field_mismatch(&self, field: &dyn Display) -> Cow<'static, str> {
        DefaultI18n.matches_field_mismatch(field)
    }

    fn email_invalid(&self, reason: InvalidEmail) -> Cow<'static, str> {
        DefaultI18n.email_invalid(reason)
    }

    fn ascii_invalid(&self) -> Cow<'static, str> {
        DefaultI18n.ascii_invalid()
    }

    fn alphanumeric_invalid(&self) -> Cow<'static, str> {
        DefaultI18n.alphanumeric_invalid()
    }

    fn required_not_set(&self) -> Cow<'static, str> {
        DefaultI18n.required_not_set()
    }
}

fn bound(kind: &'static str, words: &str, name: &str, limit: &dyn Display) -> String {
    let text = limit.to_string();
    let number = text.parse::<i64>().map_or(Value::String(text.clone()), Value::from);
    encode(kind, format!("Input should be {words} {text}"), json!({ name: number }))
}
