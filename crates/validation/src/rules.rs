//! Checks the rules of garde, and returns violations as problems of a body.

use garde::Validate;
use serde_json::Value;

use crate::error::Error;
use crate::issue::Step;
use crate::reading::Reading;

/// Returns the violated rules. Omits those of values that placeholders have replaced.
pub(crate) fn check<T: Validate>(reading: &Reading<T>, context: &T::Context) -> Vec<Error> {
    let Some(Err(report)) = reading.value.as_ref().map(|value| value.validate_with(context)) else {
        return Vec::new();
    };
    let violated = report.iter().filter_map(|(path, error)| {
        let path = steps(&path.to_string(), &reading.body, reading.fields);
        let is_about =
            |problem: &Error| problem.path().starts_with(&path) || path.starts_with(problem.path());
        if reading.problems.iter().any(is_about) {
            return None;
        }
        let value = path.iter().try_fold(&reading.body, |value, step| value_at(value, step));
        Some(Error::sentence(error.message().to_owned()).at_path(path, value))
    });
    // garde returns the violations in no particular order.
    let mut violated: Vec<_> = violated.collect();
    violated.sort_by(|one, other| one.path().cmp(other.path()));
    violated
}

/// Splits a path of garde, such as `address.lines[0]`. garde knows only the Rust names of the
/// fields, so this function finds their names in JSON.
fn steps(path: &str, body: &Value, fields: &[&'static str]) -> Vec<Step> {
    let mut value = Some(body);
    let mut steps = Vec::new();
    for part in path.split(['.', '[']).filter(|part| !part.is_empty()) {
        let step = match part.strip_suffix(']').and_then(|index| index.parse().ok()) {
            Some(index) => Step::Position(index),
            None => {
                let members = value.and_then(Value::as_object).into_iter().flatten();
                let known = if steps.is_empty() { fields } else { &[] };
                let mut names = known.iter().copied().chain(members.map(|(name, _)| name.as_str()));
                let rust = part.trim_start_matches("r#");
                let name = names.find(|name| is_same_name(name, rust)).unwrap_or(rust);
                Step::Name(name.to_owned().into())
            }
        };
        value = value.and_then(|value| value_at(value, &step));
        steps.push(step);
    }
    steps
}

/// Returns true if `#[serde(rename_all = "…")]` can convert one name to the other, such as
/// `user_name` to `userName`.
fn is_same_name(json: &str, rust: &str) -> bool {
    let letters = |name: &str| -> String {
        name.chars().filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
    };
    json == rust || letters(json) == letters(rust)
}

fn value_at<'a>(value: &'a Value, step: &Step) -> Option<&'a Value> {
    match step {
        Step::Name(name) => value.get(name.as_ref()),
        Step::Position(index) => value.get(index),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn steps_splits_a_path_and_finds_the_names_in_json() {
        let body = json!({ "homeAddress": { "street-lines": ["", ""] } });
        let split = |path| serde_json::to_value(steps(path, &body, &["homeAddress", "type"])).unwrap();
        assert_eq!(split(""), json!([]));
        assert_eq!(split("home_address.street_lines[1]"), json!(["homeAddress", "street-lines", 1]));
        assert_eq!(split("r#type"), json!(["type"]));
        assert_eq!(split("tags[0].name"), json!(["tags", 0, "name"]));
    }
}
