//! The parser agrees with serde_json and garde, whatever the body.

use garde::Validate;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::PARSER;

/// Only types that Pydantic reads as strictly as serde_json does.
#[derive(Debug, PartialEq, Serialize, Deserialize, Validate)]
struct Strict {
    #[garde(length(chars, min = 1, max = 3))]
    title: String,
    #[garde(length(chars, max = 2))]
    city: Option<String>,
    #[garde(length(max = 2), inner(length(chars, min = 1)))]
    #[serde(default)]
    tags: Vec<String>,
    #[garde(dive)]
    inner: Option<Box<Strict>>,
    #[garde(skip)]
    #[serde(default)]
    length: Length,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Length {
    #[default]
    Short,
    Long,
}

/// Types that Pydantic reads from more values than serde_json does.
#[derive(Debug, PartialEq, Serialize, Deserialize, Validate)]
struct Lenient {
    #[garde(range(min = 1, max = 9))]
    count: i64,
    #[garde(skip)]
    #[serde(default)]
    pinned: bool,
    #[garde(range(max = 1.5))]
    ratio: Option<f64>,
}

fn plain<T: serde::de::DeserializeOwned + Validate<Context = ()>>(body: &Value) -> Option<T> {
    let value = serde_json::from_value::<T>(body.clone()).ok()?;
    value.validate().is_ok().then_some(value)
}

fn text() -> impl Strategy<Value = Value> {
    prop::sample::select(vec!["", "a", "ab", "abc", "abcd", "short", "long", "7", "x"]).prop_map(Value::from)
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => text(),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        2 => (-2_i64..12).prop_map(Value::from),
        1 => prop::sample::select(vec![json!(1.5), json!(2.0), json!(1e300), json!(u64::MAX)]),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![vec(inner.clone(), 0..4).prop_map(Value::from), object(inner)]
    })
}

fn object(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    let names = ["title", "city", "tags", "inner", "length", "count", "pinned", "ratio", "other"];
    btree_map(prop::sample::select(names.to_vec()), value, 0..9).prop_map(|members| {
        let members = members.into_iter().map(|(name, value)| (name.to_owned(), value));
        Value::Object(members.collect::<Map<_, _>>())
    })
}

/// Bodies that are often valid: each field has its own values most of the time.
fn likely() -> impl Strategy<Value = Value> {
    let inner = (text(), text()).prop_map(|(title, city)| json!({ "title": title, "city": city }));
    let fields = (
        prop_oneof![8 => text(), 1 => any_value()],
        prop_oneof![8 => text(), 1 => any_value()],
        prop_oneof![8 => vec(text(), 0..3).prop_map(Value::from), 1 => any_value()],
        prop_oneof![4 => inner, 4 => Just(Value::Null), 1 => any_value()],
        prop_oneof![8 => Just(json!("long")), 1 => any_value()],
        prop_oneof![8 => (0_i64..11).prop_map(Value::from), 1 => any_value()],
    );
    (fields, any::<[bool; 6]>()).prop_map(|((title, city, tags, inner, length, count), absent)| {
        let members = [
            ("title", title),
            ("city", city),
            ("tags", tags),
            ("inner", inner),
            ("length", length),
            ("count", count),
        ];
        let sent = members.into_iter().zip(absent).filter(|((name, _), absent)| *name == "title" || !absent);
        Value::Object(sent.map(|((name, value), _)| (name.to_owned(), value)).collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// The same bodies are accepted, with the same values.
    #[test]
    fn json_accepts_what_serde_json_and_garde_accept(body in prop_oneof![object(any_value()), likely()]) {
        let parsed = PARSER.json::<Strict>(body.to_string().as_bytes(), &());
        let plain = plain::<Strict>(&body);
        prop_assert_eq!(parsed.as_ref().ok(), plain.as_ref(), "{:?}", parsed);
        // Without the fast path, too.
        let Value::Object(object) = body else { panic!("not an object") };
        prop_assert_eq!(PARSER.object::<Strict>(object, &()), parsed);
    }

    /// Lenient types accept more bodies, but only with values that satisfy the rules.
    #[test]
    fn json_accepts_more_where_pydantic_does(body in prop_oneof![object(any_value()), likely()]) {
        let parsed = PARSER.json::<Lenient>(body.to_string().as_bytes(), &());
        match (plain::<Lenient>(&body), parsed) {
            (Some(value), parsed) => prop_assert_eq!(parsed, Ok(value)),
            (None, Ok(value)) => prop_assert_eq!(plain(&serde_json::to_value(&value).unwrap()), Some(value)),
            (None, Err(issues)) => prop_assert!(!issues.is_empty()),
        }
    }

    /// Every problem is reported once, and correcting one leaves the others.
    #[test]
    fn json_reports_every_field_at_once(body in likely()) {
        let issues = PARSER.json::<Strict>(body.to_string().as_bytes(), &()).err().unwrap_or_default();
        for issue in &issues {
            let field = issue.field().expect("every rule is one of a field").to_owned();
            let mut corrected = body.clone();
            corrected[&field] = json!({ "title": "a", "city": "", "tags": [], "inner": null, "length": "long" })[&field].clone();
            let left = PARSER.json::<Strict>(corrected.to_string().as_bytes(), &()).err().unwrap_or_default();
            let others: Vec<_> = issues.iter().filter(|issue| issue.field() != Some(&field)).cloned().collect();
            prop_assert_eq!(left, others);
        }
    }
}
