//! Compares the parser with serde_json and garde, for random bodies.

use garde::Validate;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::PARSER;

/// Contains only types that Pydantic reads as strictly as serde_json.
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
    pair: Option<(String, String)>,
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

/// Contains types that Pydantic reads from more values than serde_json.
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

/// JSON that a struct ignores, and that is hard for a reader.
fn ignored() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "1e400",
        "-1e400",
        "2e308",
        "1e-400",
        "0",
        "null",
        "\"\\u00e9\"",
        "\"\\ud83c\\udf82\"",
        "\"1e400\"",
        "\"\\\"\\\\\"",
        "\"\"",
        "123456789012345678901234567890",
        "true",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(|items| format!("[ {} ]", items.join(" , "))),
            inner.clone().prop_map(|value| format!("{{\"a\": {value}}}")),
            (inner, 1_usize..60)
                .prop_map(|(value, depth)| { format!("{}{value}{}", "[".repeat(depth), "]".repeat(depth)) }),
        ]
    })
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
    let names = ["title", "city", "tags", "inner", "pair", "length", "count", "pinned", "ratio", "other"];
    btree_map(prop::sample::select(names.to_vec()), value, 0..9).prop_map(|members| {
        let members = members.into_iter().map(|(name, value)| (name.to_owned(), value));
        Value::Object(members.collect::<Map<_, _>>())
    })
}

/// Returns bodies that are often valid, because most fields get values of their own type.
fn likely() -> impl Strategy<Value = Value> {
    let mostly = |values: BoxedStrategy<Value>| prop_oneof![8 => values, 1 => any_value()];
    let texts = |size| vec(text(), size).prop_map(Value::from).boxed();
    let inner = (text(), text()).prop_map(|(title, city)| json!({ "title": title, "city": city }));
    let fields = (
        mostly(text().boxed()),
        mostly(text().boxed()),
        mostly(texts(0..3)),
        mostly(prop_oneof![inner, Just(Value::Null)].boxed()),
        mostly(texts(1..4)),
        mostly(Just(json!("long")).boxed()),
        mostly((0_i64..11).prop_map(Value::from).boxed()),
    );
    (fields, any::<[bool; 6]>()).prop_map(|((title, city, tags, inner, pair, length, count), sent)| {
        let optional = [
            ("city", city),
            ("tags", tags),
            ("inner", inner),
            ("pair", pair),
            ("length", length),
            ("count", count),
        ];
        let optional = optional.into_iter().zip(sent).filter_map(|(member, sent)| sent.then_some(member));
        let members = [("title", title)].into_iter().chain(optional);
        Value::Object(members.map(|(name, value)| (name.to_owned(), value)).collect())
    })
}

fn body() -> impl Strategy<Value = Value> {
    prop_oneof![object(any_value()), likely()]
}

/// Checks that the parser accepts the same bodies as serde_json and garde, with the same values.
fn assert_accepts_the_same(body: Value) -> Result<(), TestCaseError> {
    let plain = plain::<Strict>(&body);
    let parsed = PARSER.json::<Strict>(body.to_string().as_bytes(), &());
    prop_assert_eq!(parsed.as_ref().ok(), plain.as_ref(), "{:?}", parsed);
    // `object` has no fast path.
    let Value::Object(object) = body else { return Ok(()) };
    prop_assert_eq!(PARSER.object::<Strict>(object, &()), parsed);
    Ok(())
}

/// Checks that lenient types accept more bodies, but only with values that satisfy the rules.
fn assert_accepts_more(body: &Value) -> Result<(), TestCaseError> {
    let parsed = PARSER.json::<Lenient>(body.to_string().as_bytes(), &());
    match (plain::<Lenient>(body), parsed) {
        (Some(value), parsed) => prop_assert_eq!(parsed, Ok(value)),
        (None, Ok(value)) => {
            prop_assert_eq!(plain(&serde_json::to_value(&value).unwrap()), Some(value));
        }
        (None, Err(issues)) => prop_assert!(!issues.is_empty()),
    }
    Ok(())
}

/// Checks that the problems of the other fields stay the same if one field is corrected.
fn assert_reports_every_field(body: &Value) -> Result<(), TestCaseError> {
    let issues_of =
        |body: &Value| PARSER.json::<Strict>(body.to_string().as_bytes(), &()).err().unwrap_or_default();
    let good = json!({
        "title": "a", "city": "", "tags": [], "inner": null, "pair": null, "length": "long"
    });
    let issues = issues_of(body);
    for issue in &issues {
        let field = issue.field().unwrap_or_default();
        let mut corrected = body.clone();
        corrected[field] = good[field].clone();
        let others: Vec<_> = issues.iter().filter(|other| other.field() != Some(field)).cloned().collect();
        prop_assert_eq!(issues_of(&corrected), others);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn json_accepts_what_serde_json_and_garde_accept(body in body()) {
        assert_accepts_the_same(body)?;
    }

    #[test]
    fn json_accepts_more_where_pydantic_does(body in body()) {
        assert_accepts_more(&body)?;
    }

    #[test]
    fn json_reports_every_field_at_once(body in likely()) {
        assert_reports_every_field(&body)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// A member that the struct ignores changes nothing. So the direct parse and the second one
    /// agree on every body.
    #[test]
    fn json_gives_the_same_result_with_an_ignored_member(
        body in body(),
        ignored in ignored(),
        is_first in any::<bool>(),
    ) {
        let text = body.to_string();
        let members = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        let Some(members) = members else { return Ok(()) };
        let member = format!("\"ignored\" : {ignored}");
        let with = match (members, is_first) {
            ("", _) => format!("{{{member}}}"),
            (members, true) => format!("{{{member},{members}}}"),
            (members, false) => format!(" {{{members}\n,{member}}} "),
        };
        let without: Result<Strict, _> = PARSER.json(text.as_bytes(), &());
        let result: Result<Strict, _> = PARSER.json(with.as_bytes(), &());
        let shown = |result: &Result<Strict, Vec<daybook_validation::Issue>>| match result {
            Ok(value) => serde_json::to_value(value),
            Err(issues) => serde_json::to_value(issues),
        };
        prop_assert_eq!(shown(&result).unwrap(), shown(&without).unwrap(), "{}", with);
    }
}
