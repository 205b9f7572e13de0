//! Forms, queries and parameters of paths.

use garde::Validate;
use serde::Deserialize;
use serde_json::json;

use crate::{PARSER, found, sent};

#[derive(Debug, PartialEq, Deserialize, Validate)]
struct Page {
    #[garde(range(min = 1, max = 100))]
    limit: Option<i64>,
    #[garde(skip)]
    #[serde(default)]
    all: bool,
}

#[derive(Debug, PartialEq, Deserialize, Validate)]
struct Login {
    #[garde(skip)]
    username: String,
    #[garde(length(chars, min = 2))]
    password: String,
    #[garde(skip)]
    scope: Option<String>,
}

fn page(pairs: &[(&str, &str)]) -> Result<Page, Vec<daybook_validation::Issue>> {
    PARSER.query(pairs.iter().copied(), &())
}

#[test]
fn query_reads_numbers_from_texts() {
    assert_eq!(page(&[]), Ok(Page { limit: None, all: false }));
    assert_eq!(
        page(&[("limit", " 7 "), ("all", "on"), ("other", "x")]),
        Ok(Page { limit: Some(7), all: true })
    );
    assert_eq!(page(&[("limit", "x"), ("limit", "1")]).unwrap().limit, Some(1));
}

#[test]
fn query_reports_the_text_that_was_sent() {
    for (limit, kind, ctx) in [
        ("0", "greater_than_equal", json!({ "ge": 1 })),
        ("101", "less_than_equal", json!({ "le": 100 })),
        ("", "int_parsing", json!(null)),
        ("1.5", "int_parsing", json!(null)),
    ] {
        let issues = sent(page(&[("limit", limit)]));
        assert_eq!(issues[0]["loc"], json!(["query", "limit"]));
        let found = (&issues[0]["type"], &issues[0]["input"], &issues[0]["ctx"]);
        assert_eq!(found, (&json!(kind), &json!(limit), &ctx));
    }
}

#[test]
fn form_reads_an_empty_field_as_absent() {
    let login = |pairs: &[(&str, &str)]| PARSER.form::<Login>(pairs.iter().copied(), &());
    let pairs = [("username", "ada"), ("password", "secret"), ("scope", "")];
    assert_eq!(login(&pairs).unwrap().scope, None);
    assert_eq!(
        found(login(&[("username", ""), ("password", "x")])),
        ["missing body.username", "string_too_short body.password"]
    );
    let issues = sent(login(&[("username", "a"), ("password", "x")]));
    assert_eq!((issues[0].get("input"), issues.to_string().contains("\"x\"")), (None, false));
}

#[test]
fn path_reads_one_parameter() {
    assert_eq!(PARSER.path::<i64>("note_id", "7"), Ok(7));
    assert_eq!(PARSER.path::<i64>("note_id", "99999999999999999999"), Ok(i64::MAX));
    assert_eq!(
        sent(PARSER.path::<i64>("note_id", "abc")),
        json!([{
            "type": "int_parsing",
            "loc": ["path", "note_id"],
            "msg": "Input should be a valid integer, unable to parse string as an integer",
            "input": "abc"
        }])
    );
    assert_eq!(found(PARSER.path::<i64>("note_id", "")), ["int_parsing path.note_id"]);
}
