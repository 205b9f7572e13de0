//! The sentences of Pydantic that carry a type and numbers.
//!
//! A rule of garde and a type of serde can only fail with a text. If that text is one of these
//! sentences, the [`Issue`](crate::Issue) gets Pydantic's `type` and `ctx` for it:
//!
//! ```
//! use daybook_validation::sentence;
//!
//! /// A rule for `#[garde(custom(even))]`.
//! fn even(number: &i64, _: &()) -> garde::Result {
//!     if number % 2 == 0 { Ok(()) } else { Err(garde::Error::new(sentence::multiple_of(2))) }
//! }
//! ```
//!
//! A type may also contain the text of the sentence itself. Then it needs no dependency on this
//! crate. The sentences of garde's own rules `length`, `range` and `pattern` are translated into
//! Pydantic's.

use std::fmt::Display;

use serde_json::{Value, json};

/// `String should have at least 3 characters`, type `string_too_short`.
#[must_use]
pub fn string_too_short(min_length: usize) -> String {
    let plural = plural(min_length);
    format!("String should have at least {min_length} character{plural}")
}

/// `String should have at most 50 characters`, type `string_too_long`.
#[must_use]
pub fn string_too_long(max_length: usize) -> String {
    let plural = plural(max_length);
    format!("String should have at most {max_length} character{plural}")
}

/// `String should match pattern '^a+$'`, type `string_pattern_mismatch`.
#[must_use]
pub fn string_pattern_mismatch(pattern: &str) -> String {
    format!("String should match pattern '{pattern}'")
}

/// `Input should be greater than or equal to 1`, type `greater_than_equal`.
#[must_use]
pub fn greater_than_equal(ge: impl Display) -> String {
    format!("Input should be greater than or equal to {ge}")
}

/// `Input should be less than or equal to 100`, type `less_than_equal`.
#[must_use]
pub fn less_than_equal(le: impl Display) -> String {
    format!("Input should be less than or equal to {le}")
}

/// `Input should be greater than 0`, type `greater_than`.
#[must_use]
pub fn greater_than(gt: impl Display) -> String {
    format!("Input should be greater than {gt}")
}

/// `Input should be less than 100`, type `less_than`.
#[must_use]
pub fn less_than(lt: impl Display) -> String {
    format!("Input should be less than {lt}")
}

/// `Input should be a multiple of 2`, type `multiple_of`.
#[must_use]
pub fn multiple_of(number: impl Display) -> String {
    format!("Input should be a multiple of {number}")
}

/// `Input should be 'short', 'medium' or 'long'`, type `literal_error`.
#[must_use]
pub fn literal_error(expected: &[&str]) -> String {
    let quoted: Vec<_> = expected.iter().map(|name| format!("'{name}'")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("Input should be {} or {last}", rest.join(", ")),
        _ => format!("Input should be {}", quoted.concat()),
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// A sentence, with Pydantic's type and numbers for it.
#[derive(Debug, PartialEq)]
pub(crate) struct Classified {
    pub(crate) kind: &'static str,
    pub(crate) msg: String,
    pub(crate) ctx: Value,
}

/// The beginning of a sentence, the name of its number in `ctx`, and its type. If one beginning is
/// a prefix of another, the longer one comes first.
const SENTENCES: [(&str, &str, &str); 9] = [
    ("String should have at least ", "min_length", "string_too_short"),
    ("String should have at most ", "max_length", "string_too_long"),
    ("String should match pattern ", "pattern", "string_pattern_mismatch"),
    ("Input should be greater than or equal to ", "ge", "greater_than_equal"),
    ("Input should be less than or equal to ", "le", "less_than_equal"),
    ("Input should be greater than ", "gt", "greater_than"),
    ("Input should be less than ", "lt", "less_than"),
    ("Input should be a multiple of ", "multiple_of", "multiple_of"),
    ("Input should be '", "expected", "literal_error"),
];

/// Finds the type and the numbers of a sentence. `items` is the length of the value if it is a
/// list.
pub(crate) fn classify(text: &str, items: Option<usize>) -> Option<Classified> {
    if let Some(classified) = items.and_then(|items| list_length(text, items)) {
        return Some(classified);
    }
    let msg = of_garde(text).unwrap_or_else(|| text.to_owned());
    let (begin, name, kind) = SENTENCES.into_iter().find(|(begin, ..)| msg.starts_with(begin))?;
    let rest = &msg[begin.len()..];
    let value = match kind {
        "string_too_short" | "string_too_long" => {
            json!(rest.split_once(" character")?.0.parse::<u64>().ok()?)
        }
        "string_pattern_mismatch" => json!(rest.strip_prefix('\'')?.strip_suffix('\'')?),
        "literal_error" => json!(format!("'{rest}")),
        _ => bound(rest),
    };
    Some(Classified { kind, ctx: json!({ name: value }), msg })
}

/// Returns a bound as a number, or as a text if it is a date, as Pydantic does.
fn bound(text: &str) -> Value {
    if let Ok(integer) = text.parse::<i64>() {
        return json!(integer);
    }
    match text.parse::<f64>() {
        Ok(float) if float.is_finite() => json!(float),
        _ => json!(text),
    }
}

/// The sentences of garde's rule `length`. The limit follows them.
const GARDE_TOO_SHORT: &str = "length is lower than ";
const GARDE_TOO_LONG: &str = "length is greater than ";

/// Translates a sentence of garde's own rules into Pydantic's. A test checks that garde uses these
/// sentences.
fn of_garde(text: &str) -> Option<String> {
    if let Some(min) = text.strip_prefix(GARDE_TOO_SHORT) {
        return min.parse().ok().map(string_too_short);
    }
    if let Some(max) = text.strip_prefix(GARDE_TOO_LONG) {
        return max.parse().ok().map(string_too_long);
    }
    if let Some(min) = text.strip_prefix("lower than ") {
        return Some(greater_than_equal(min));
    }
    if let Some(max) = text.strip_prefix("greater than ") {
        return Some(less_than_equal(max));
    }
    let pattern = text.strip_prefix("does not match pattern /")?.strip_suffix('/')?;
    Some(string_pattern_mismatch(pattern))
}

/// Returns Pydantic's sentence for a list that garde's rule `length` rejects.
fn list_length(text: &str, items: usize) -> Option<Classified> {
    let (kind, name, words, limit) = match text.strip_prefix(GARDE_TOO_SHORT) {
        Some(min) => ("too_short", "min_length", "at least", min),
        None => ("too_long", "max_length", "at most", text.strip_prefix(GARDE_TOO_LONG)?),
    };
    let limit: usize = limit.parse().ok()?;
    let plural = plural(limit);
    let msg = format!("List should have {words} {limit} item{plural} after validation, not {items}");
    Some(Classified { kind, msg, ctx: json!({ "field_type": "List", name: limit, "actual_length": items }) })
}

#[cfg(test)]
mod tests {
    use garde::Validate;

    use super::*;

    #[test]
    fn classify_finds_the_type_and_ctx_of_every_sentence() {
        for (sentence, kind, ctx) in [
            (string_too_short(1), "string_too_short", json!({ "min_length": 1 })),
            (string_too_short(3), "string_too_short", json!({ "min_length": 3 })),
            (string_too_long(50), "string_too_long", json!({ "max_length": 50 })),
            (string_pattern_mismatch("^'$"), "string_pattern_mismatch", json!({ "pattern": "^'$" })),
            (greater_than_equal(1), "greater_than_equal", json!({ "ge": 1 })),
            (less_than_equal(0.5), "less_than_equal", json!({ "le": 0.5 })),
            (greater_than(-1), "greater_than", json!({ "gt": -1 })),
            (less_than("2026-11-23"), "less_than", json!({ "lt": "2026-11-23" })),
            (multiple_of(2), "multiple_of", json!({ "multiple_of": 2 })),
            (literal_error(&["a"]), "literal_error", json!({ "expected": "'a'" })),
            (literal_error(&["a", "b", "c"]), "literal_error", json!({ "expected": "'a', 'b' or 'c'" })),
        ] {
            let classified = classify(&sentence, None).unwrap();
            assert_eq!((classified.kind, &classified.ctx), (kind, &ctx), "{sentence}");
            assert_eq!(classified.msg, sentence);
        }
    }

    #[test]
    fn classify_rejects_other_sentences() {
        for sentence in [
            "",
            "Input should be a valid string",
            "String should have at least a digit",
            "Password is too common",
        ] {
            assert_eq!(classify(sentence, None), None, "{sentence}");
        }
    }

    #[test]
    fn classify_translates_the_rules_of_garde() {
        struct Never;

        impl garde::rules::AsStr for Never {
            fn as_str(&self) -> &str {
                "^x$"
            }
        }

        impl garde::rules::pattern::Matcher for Never {
            fn is_match(&self, _: &str) -> bool {
                false
            }
        }

        #[derive(Validate)]
        struct Draft {
            #[garde(length(chars, min = 2))]
            short: &'static str,
            #[garde(length(chars, max = 1))]
            long: &'static str,
            #[garde(range(min = 1))]
            low: i64,
            #[garde(range(max = 1.5))]
            high: f64,
            #[garde(pattern(Never))]
            other: &'static str,
        }

        let draft = Draft { short: "a", long: "ab", low: 0, high: 2.0, other: "" };
        let report = draft.validate().unwrap_err();
        for (field, sentence, ctx) in [
            ("short", string_too_short(2), json!({ "min_length": 2 })),
            ("long", string_too_long(1), json!({ "max_length": 1 })),
            ("low", greater_than_equal(1), json!({ "ge": 1 })),
            ("high", less_than_equal(1.5), json!({ "le": 1.5 })),
            ("other", string_pattern_mismatch("^x$"), json!({ "pattern": "^x$" })),
        ] {
            let (_, error) = report.iter().find(|(path, _)| path.to_string() == field).unwrap();
            let classified = classify(error.message(), None).unwrap();
            assert_eq!((classified.msg, classified.ctx), (sentence, ctx), "{field}");
        }
    }

    #[test]
    fn classify_counts_the_items_of_a_list() {
        let short = classify("length is lower than 1", Some(0)).unwrap();
        assert_eq!(
            (short.kind, short.msg.as_str()),
            ("too_short", "List should have at least 1 item after validation, not 0")
        );
        let long = classify("length is greater than 2", Some(3)).unwrap();
        assert_eq!(long.ctx, json!({ "field_type": "List", "max_length": 2, "actual_length": 3 }));
    }
}
