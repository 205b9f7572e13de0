//! Reads a struct and finds every field that cannot be read.
//!
//! serde stops at the first problem. This module keeps the problem and replaces the value in its
//! copy of the body by a placeholder. Then it reads the body again. In the end there is a value of
//! the struct, so garde can check the other fields. A value with placeholders is dropped
//! afterwards.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{Error, Location};
use crate::issue::Step;
use crate::value::{Fields, Lenient, Trace};

/// The result of reading a body.
pub(crate) struct Reading<T> {
    /// The value, with placeholders if there are problems. `None` if a type accepts no placeholder.
    pub(crate) value: Option<T>,
    /// The fields that could not be read.
    pub(crate) problems: Vec<Error>,
    /// The body, with placeholders for the values that could not be read.
    pub(crate) body: Value,
    /// The fields of the struct in their order.
    pub(crate) fields: Fields,
}

/// The maximum number of times that one body is read. Each problem takes one reading, and one more
/// for each placeholder that its type rejects. A flat struct of 20 fields needs about 60 readings
/// if all fields are wrong.
const READINGS_MAX: usize = 100;

/// The maximum number of values in all readings together; after it, no other reading begins.
/// Without this limit, a hostile list of 100,000 items would take 100 times as long as a valid one.
const VALUES_MAX: usize = 100_000;

/// Values that common types accept: a text, null, a number, a name and an e-mail address. Then
/// dates and times, an object, a list, a URL, an IP address and a UUID.
const PLACEHOLDERS: [&str; 14] = [
    "",
    "null",
    "1",
    "a",
    "aaaaaaaa",
    "a@example.com",
    "2000-01-01",
    "2000-01-01T00:00:00Z",
    "00:00:00",
    "{}",
    "[]",
    "https://example.com/",
    "192.0.2.1",
    "00000000-0000-4000-8000-000000000000",
];

/// Reads a struct. `placeholders` are tried after the built-in ones.
pub(crate) fn read<T: DeserializeOwned>(body: Map<String, Value>, placeholders: &[&str]) -> Reading<T> {
    let mut body = Value::Object(body);
    let trace = Trace::default();
    let mut tracked = Vec::new();
    let mut value = None;
    for _ in 0..READINGS_MAX {
        match T::deserialize(Lenient::new(&body, &Location::Root, &trace)) {
            Ok(read) => {
                value = Some(read);
                break;
            }
            Err(error) => {
                let error = error.at(&Location::Root, &body);
                let is_substituted = substitute(&mut body, &mut tracked, error, placeholders);
                if !is_substituted || trace.visited.get() > VALUES_MAX {
                    break;
                }
            }
        }
    }
    let problems =
        tracked.into_iter().filter(|tracked| !tracked.is_from_placeholder).map(|tracked| tracked.error);
    Reading { value, problems: problems.collect(), body, fields: trace.fields.get() }
}

/// A problem, and the placeholders that were tried for it.
struct TrackedProblem {
    error: Error,
    /// True if a placeholder caused the problem, and not the client.
    is_from_placeholder: bool,
    /// True if the name of an enum's variant was tried.
    has_tried_variant: bool,
    /// The number of other placeholders that were tried.
    tried: usize,
    /// True if the value was removed because no placeholder fits.
    is_removed: bool,
}

/// Replaces the value of a problem, so that the body can be read again. Returns false if there is
/// no other placeholder to try.
fn substitute(
    body: &mut Value,
    tracked: &mut Vec<TrackedProblem>,
    error: Error,
    placeholders: &[&str],
) -> bool {
    let (path, variants) = (error.path().to_vec(), error.variants);
    let index = tracked.iter().position(|known| known.error.path() == path).unwrap_or_else(|| {
        let is_from_placeholder = tracked.iter().any(|known| path.starts_with(known.error.affected()));
        tracked.push(TrackedProblem {
            error,
            is_from_placeholder,
            has_tried_variant: false,
            tried: 0,
            is_removed: false,
        });
        tracked.len() - 1
    });
    let known = &mut tracked[index];
    match known.next_placeholder(variants, placeholders) {
        Some(placeholder) => replace(body, &path, Some(placeholder)),
        // Without this value, the other fields can still be read.
        None => !std::mem::replace(&mut known.is_removed, true) && replace(body, &path, None),
    }
}

impl TrackedProblem {
    /// Returns the next placeholder. `variants` are the names in the last error.
    fn next_placeholder(&mut self, variants: &[&'static str], placeholders: &[&str]) -> Option<Value> {
        if self.error.is_name_wrong {
            return None;
        }
        if let Some(variant) = variants.first()
            && !std::mem::replace(&mut self.has_tried_variant, true)
        {
            return Some(Value::from(*variant));
        }
        let text = PLACEHOLDERS.iter().chain(placeholders).nth(self.tried)?;
        self.tried += 1;
        Some(serde_json::from_str(text).unwrap_or_else(|_| Value::from(*text)))
    }
}

/// Replaces or removes the value at a path. An item of a list becomes null instead, because the
/// other items keep their positions. Returns false if the path does not exist.
fn replace(body: &mut Value, path: &[Step], value: Option<Value>) -> bool {
    let Some((last, parents)) = path.split_last() else { return false };
    let parent = parents.iter().try_fold(body, |parent, step| match step {
        Step::Name(name) => parent.get_mut(name.as_ref()),
        Step::Position(index) => parent.get_mut(index),
    });
    match (parent, last) {
        (Some(Value::Object(object)), Step::Name(name)) => match value {
            Some(value) => drop(object.insert(name.to_string(), value)),
            None => drop(object.remove(name.as_ref())),
        },
        (Some(Value::Array(items)), Step::Position(index)) => {
            let Some(item) = items.get_mut(*index) else { return false };
            *item = value.unwrap_or_default();
        }
        _ => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    /// A type that accepts none of the built-in placeholders.
    #[derive(Debug, Deserialize)]
    #[serde(try_from = "String")]
    struct Odd;

    impl TryFrom<String> for Odd {
        type Error = &'static str;

        fn try_from(text: String) -> Result<Self, &'static str> {
            if text == "odd" { Ok(Self) } else { Err("not odd") }
        }
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read")]
    struct Body {
        first: String,
        odd: Odd,
        #[serde(default)]
        pinned: bool,
        last: i64,
    }

    fn read_body(body: Value, placeholders: &[&str]) -> Reading<Body> {
        let Value::Object(object) = body else { panic!("not an object") };
        read(object, placeholders)
    }

    fn found(reading: &Reading<Body>) -> Value {
        reading.problems.iter().map(|error| json!([error.path(), error.to_string()])).collect()
    }

    #[test]
    fn read_finds_every_field_and_makes_a_value() {
        let reading = read_body(json!({}), &["odd"]);
        assert!(reading.value.is_some());
        assert_eq!(
            found(&reading),
            json!([[["first"], "Field required"], [["odd"], "Field required"], [["last"], "Field required"]])
        );
        assert_eq!(reading.fields, ["first", "odd", "pinned", "last"]);
        let reading = read_body(json!({ "first": 1, "odd": "even", "pinned": [], "last": 2 }), &["odd"]);
        assert!(reading.value.is_some());
        assert_eq!(reading.problems.len(), 3, "{}", found(&reading));
    }

    #[test]
    fn read_changes_nothing_in_a_good_body() {
        let body = json!({ "first": "a", "odd": "odd", "last": 1, "other": {} });
        let reading = read_body(body.clone(), &[]);
        assert!(reading.value.is_some_and(|value| !value.pinned && value.last == 1));
        assert_eq!((reading.problems.len(), reading.body), (0, body));
    }

    #[test]
    fn read_finds_wrong_values_even_if_no_placeholder_fits() {
        let reading = read_body(json!({ "first": 1, "odd": 2, "last": "x" }), &[]);
        assert!(reading.value.is_none());
        let mut paths: Vec<_> = reading.problems.iter().map(|error| json!(error.path())).collect();
        paths.sort_by_key(Value::to_string);
        assert_eq!(paths, [json!(["first"]), json!(["last"]), json!(["odd"])]);
    }

    #[test]
    fn read_gives_up_on_a_body_with_too_many_problems() {
        type Lists = std::collections::BTreeMap<String, Vec<i64>>;
        for (good, most) in [(0, READINGS_MAX), (60_000, 2)] {
            let items = [vec!["1"; good], vec!["x"; 1_000]].concat();
            let reading = read::<Lists>([("list".to_owned(), json!(items))].into_iter().collect(), &[]);
            assert!(reading.value.is_none());
            assert!((1..=most).contains(&reading.problems.len()), "{}", reading.problems.len());
        }
    }
}
