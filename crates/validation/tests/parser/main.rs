//! Tests of the parser: it returns a value, or Pydantic's list of problems.

#![expect(clippy::unwrap_used, reason = "a test reports a failure by a panic, also in its helpers")]

mod agreement;
mod bodies;
mod fields;
mod pairs;

use daybook_validation::{Issue, Parser};
use garde::Validate;
use serde::Deserialize;
use serde_json::Value;

/// The settings of all tests. A `Cursor` accepts none of the built-in placeholders.
const PARSER: Parser = Parser::new()
    .secret_fields(&["password", "confirm_password"])
    .email_fields(&["email"])
    .placeholders(&["c:0"]);

/// Returns the issues as JSON, as they are sent.
fn sent<T>(result: Result<T, Vec<Issue>>) -> Value {
    match result {
        Ok(_) => Value::Null,
        Err(issues) => serde_json::to_value(issues).unwrap(),
    }
}

/// Returns the type and the location of each issue, such as `missing body.title`.
fn found<T>(result: Result<T, Vec<Issue>>) -> Vec<String> {
    let issues = result.map(drop).err().unwrap_or_default();
    let of = |issue: &Issue| {
        let loc = serde_json::to_value(&issue.loc).unwrap();
        let steps: Vec<_> = loc.as_array().unwrap().iter().map(Value::to_string).collect();
        format!("{} {}", issue.kind, steps.join(".").replace('"', ""))
    };
    issues.iter().map(of).collect()
}

/// A body of one field without a rule.
#[derive(Debug, Deserialize, Validate)]
struct One<T> {
    #[garde(skip)]
    value: T,
}
