//! Fields of every kind: enums, numbers, lists, nested structs, and serde's attributes.

use std::collections::BTreeMap;

use garde::Validate;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use daybook_validation::{Issue, Parser, Step};

use crate::{One, PARSER, found, sent};

fn read<T: DeserializeOwned + Validate<Context = ()>>(body: &Value) -> Result<T, Vec<Issue>> {
    PARSER.json(body.to_string().as_bytes(), &())
}

/// Returns the type and the sentence of the only problem of a field.
fn problem<T: DeserializeOwned>(value: &Value) -> (String, String) {
    let issues = read::<One<T>>(&json!({ "value": value })).map(drop).unwrap_err();
    let [issue] = issues.as_slice() else { panic!("{issues:?}") };
    assert_eq!(issue.field(), Some("value"));
    (issue.kind.to_string(), issue.msg.to_string())
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Length {
    Short,
    Medium,
    Long,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
struct Cursor(String);

impl TryFrom<String> for Cursor {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.starts_with("c:") { Ok(Self(text)) } else { Err("That is not a cursor".to_owned()) }
    }
}

#[derive(Debug, PartialEq, Deserialize, Validate)]
struct Address {
    #[garde(length(min = 1))]
    lines: Vec<String>,
    #[garde(range(min = 1))]
    zip: u32,
    #[garde(skip)]
    length: Option<Length>,
}

#[derive(Debug, Deserialize, Validate)]
#[serde(rename_all = "camelCase")]
struct Order {
    #[garde(dive)]
    home_address: Address,
    #[garde(skip)]
    cursor: Cursor,
    #[garde(length(min = 1, max = 2), inner(length(chars, min = 2)))]
    tag_list: Vec<String>,
}

#[test]
fn json_reads_an_enum_from_the_name_of_a_variant() {
    assert_eq!(read::<One<Length>>(&json!({ "value": "long" })).unwrap().value, Length::Long);
    assert_eq!(
        sent(read::<One<Length>>(&json!({ "value": "tiny" }))),
        json!([{
            "type": "literal_error",
            "loc": ["body", "value"],
            "msg": "Input should be 'short', 'medium' or 'long'",
            "input": "tiny",
            "ctx": { "expected": "'short', 'medium' or 'long'" }
        }])
    );
    assert_eq!(problem::<Length>(&json!(7)).0, "string_type");
    assert_eq!(problem::<Option<Length>>(&json!("")).0, "literal_error");
}

#[test]
fn json_limits_a_number_to_the_range_of_its_type() {
    assert_eq!(read::<One<u8>>(&json!({ "value": "255" })).unwrap().value, 255);
    assert_eq!(
        problem::<u8>(&json!(256)),
        ("less_than_equal".into(), "Input should be less than or equal to 255".into())
    );
    assert_eq!(
        problem::<u64>(&json!(-1)),
        ("greater_than_equal".into(), "Input should be greater than or equal to 0".into())
    );
    assert_eq!(read::<One<i64>>(&json!({ "value": 1e30 })).unwrap().value, i64::MAX);
    assert_eq!(read::<One<f64>>(&json!({ "value": "1.5" })).unwrap().value, 1.5);
    assert_eq!(problem::<f32>(&json!("a")).0, "float_parsing");
    assert_eq!(problem::<std::num::NonZeroU8>(&json!(0)).1, "Value error, expected a nonzero u8");
}

#[test]
fn json_reads_a_valid_nested_struct() {
    let body = json!({ "homeAddress": { "lines": ["a"], "zip": "1" }, "cursor": "c:1", "tagList": ["ab"] });
    let order = read::<Order>(&body).unwrap();
    assert_eq!((order.home_address.zip, order.cursor), (1, Cursor("c:1".into())));
}

#[test]
fn json_reports_every_problem_of_nested_structs_and_lists() {
    let body = json!({
        "homeAddress": { "lines": ["a", 7, null], "zip": "x", "length": "tiny" },
        "cursor": "x",
        "tagList": ["a"],
    });
    assert_eq!(
        found(read::<Order>(&body)),
        [
            "string_type body.homeAddress.lines.1",
            "string_type body.homeAddress.lines.2",
            "int_parsing body.homeAddress.zip",
            "literal_error body.homeAddress.length",
            "value_error body.cursor",
            "string_too_short body.tagList.0",
        ]
    );
    assert_eq!(
        found(read::<Order>(&json!({ "tagList": [] }))),
        ["missing body.homeAddress", "missing body.cursor", "too_short body.tagList"]
    );
    let body = json!({ "homeAddress": { "lines": [] }, "cursor": "c:1", "tagList": ["ab", "abc", "c"] });
    let issues = sent(read::<Order>(&body));
    assert_eq!(
        found(read::<Order>(&body)),
        [
            "missing body.homeAddress.zip",
            "too_short body.homeAddress.lines",
            "too_long body.tagList",
            "string_too_short body.tagList.2"
        ]
    );
    assert_eq!(issues[2]["ctx"], json!({ "field_type": "List", "max_length": 2, "actual_length": 3 }));
}

#[test]
fn json_reports_rules_of_a_nested_struct_under_the_names_in_json() {
    let body = json!({ "homeAddress": { "lines": ["a"], "zip": 0 }, "cursor": "c:1", "tagList": ["ab"] });
    let issues = sent(read::<Order>(&body));
    assert_eq!(issues[0]["loc"], json!(["body", "homeAddress", "zip"]));
    assert_eq!((&issues[0]["type"], &issues[0]["input"]), (&json!("greater_than_equal"), &json!(0)));
}

#[test]
fn check_placeholders_finds_a_type_with_a_format_of_its_own() {
    assert_eq!(PARSER.check_placeholders::<Order>(), Ok(()));
    let without = Parser::new();
    assert_eq!(without.check_placeholders::<Order>(), Err(vec![Step::Name("cursor".into())]));
    assert_eq!(without.check_placeholders::<One<Option<Cursor>>>(), Ok(()));
}

#[test]
fn json_reports_a_field_that_accepts_no_placeholder() {
    let body = json!({ "homeAddress": 7, "cursor": "x", "tagList": 7 });
    let without = Parser::new().json::<Order>(body.to_string().as_bytes(), &());
    assert_eq!(
        found(without),
        ["model_attributes_type body.homeAddress", "value_error body.cursor", "list_type body.tagList"]
    );
}

#[test]
fn json_rejects_unknown_fields_if_serde_denies_them() {
    #[derive(Debug, Deserialize, Validate)]
    #[serde(deny_unknown_fields)]
    struct Strict {
        #[garde(length(chars, min = 2))]
        title: String,
    }

    let body = json!({ "title": "a", "extra": 1, "more": [] });
    assert_eq!(
        found(read::<Strict>(&body)),
        ["string_too_short body.title", "extra_forbidden body.extra", "extra_forbidden body.more"]
    );
    let many: serde_json::Map<_, _> = (0..10_000).map(|n| (format!("extra{n}"), json!(n))).collect();
    assert!((50..=100).contains(&found(read::<Strict>(&many.into())).len()));
}

#[test]
fn json_accepts_aliases_and_defaults_of_serde() {
    #[derive(Debug, Deserialize, Validate)]
    struct Note {
        #[garde(length(chars, min = 1))]
        #[serde(alias = "name")]
        title: String,
        #[garde(skip)]
        #[serde(default = "five")]
        stars: u8,
        #[garde(skip)]
        #[serde(default)]
        cursor: Option<Cursor>,
    }

    fn five() -> u8 {
        5
    }

    assert_eq!(read::<Note>(&json!({ "name": "a" })).unwrap().stars, 5);
    // garde knows only the Rust name, and checks the placeholder under that name.
    assert_eq!(
        found(read::<Note>(&json!({ "name": 1 }))),
        ["string_type body.name", "string_too_short body.title"]
    );
    assert_eq!(found(read::<Note>(&json!({ "name": "", "stars": 300 }))).len(), 2);
    assert_eq!(
        found(read::<Note>(&json!({ "cursor": "x" }))),
        ["missing body.title", "value_error body.cursor"]
    );
    assert_eq!(found(read::<Note>(&json!({ "name": "a", "title": "b" }))), ["value_error body.title"]);
    let note = read::<Note>(&json!({ "title": "a", "cursor": "c:1" })).unwrap();
    assert_eq!((note.title.as_str(), note.cursor), ("a", Some(Cursor("c:1".into()))));
}

#[test]
fn json_reads_a_body_with_flattened_fields_or_an_enum() {
    #[derive(Debug, Deserialize, Validate)]
    struct Flat {
        #[garde(skip)]
        title: String,
        #[garde(dive)]
        #[serde(flatten)]
        address: Address,
    }

    let good = json!({ "title": "a", "lines": ["b"], "zip": 1, "length": null });
    let flat = read::<Flat>(&good).unwrap();
    assert_eq!((flat.title.as_str(), flat.address.zip), ("a", 1));
    assert_eq!(
        found(read::<Flat>(&json!({ "title": 1, "lines": ["b"] }))),
        ["string_type body.title", "missing body.zip"]
    );
    assert_eq!(found(read::<Flat>(&json!({ "title": "a", "lines": ["b"], "zip": "x" }))), ["int_type body"]);

    #[derive(Debug, Deserialize)]
    #[serde(tag = "type", rename_all = "snake_case")]
    enum Event {
        Opened { by: String },
        Closed,
    }

    let opened = read::<One<Event>>(&json!({ "value": { "type": "opened", "by": "ada" } })).unwrap();
    assert!(matches!(opened.value, Event::Opened { by } if by == "ada"));
    assert!(matches!(
        read::<One<Event>>(&json!({ "value": { "type": "closed" } })).unwrap().value,
        Event::Closed
    ));
    assert_eq!(problem::<Event>(&json!({ "type": "moved" })).0, "literal_error");
    assert_eq!(problem::<Event>(&json!({ "type": "opened", "by": 7 })).0, "string_type");
}

#[test]
fn json_reads_maps_and_any_value() {
    type Counts = BTreeMap<u8, i64>;
    assert_eq!(read::<One<Counts>>(&json!({ "value": { "1": "2" } })).unwrap().value, [(1, 2)].into());
    let issues = found(read::<One<Counts>>(&json!({ "value": { "x": 1, "1": "y" } })));
    assert_eq!(issues, ["int_parsing body.value.1", "int_parsing body.value.x"]);
    let any = json!({ "value": [1, -1, 1.5, "a", null, { "b": true }], "wrong": 7 });
    assert_eq!(read::<One<Value>>(&any).unwrap().value, any["value"]);
}
