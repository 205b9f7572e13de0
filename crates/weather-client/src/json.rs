//! Reads values of a JSON document that may have other types than the documentation states.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

pub(crate) type Object = Map<String, Value>;

/// Returns the number with this name if it is in the range. NaN is in no range.
///
/// A string that contains a number, such as `"21.4"`, is read as a number.
pub(crate) fn number(object: &Object, name: &str, range: RangeInclusive<f64>) -> Option<f64> {
    object.get(name).and_then(|value| number_of(value, range))
}

/// Returns the value as a number, like [`number`].
pub(crate) fn number_of(value: &Value, range: RangeInclusive<f64>) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|number| range.contains(number))
}

/// Returns the text with this name.
pub(crate) fn text<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str)
}

/// Returns the elements of the array with this name. Returns none if it is not an array.
pub(crate) fn array<'a>(object: &'a Object, name: &str) -> &'a [Value] {
    object.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn number_of_accepts_the_limits_and_strings() {
        for value in [json!(0), json!(0.0), json!(100), json!("21.4"), json!(" 1e2 ")] {
            assert!(number_of(&value, 0.0..=100.0).is_some(), "{value}");
        }
    }

    #[test]
    fn number_of_rejects_other_types_and_values_out_of_range() {
        for value in [
            json!(null),
            json!(true),
            json!([1]),
            json!({"value": 1}),
            json!(-0.1),
            json!(100.1),
            json!(u64::MAX),
            json!(""),
            json!("1,5"),
            json!("NaN"),
            json!("inf"),
        ] {
            assert_eq!(number_of(&value, 0.0..=100.0), None, "{value}");
        }
    }
}
