//! Reads JSON in which a field may be missing, null or of another type than the API documents.

use serde_json::Value;

/// Returns the text of a value: a string, or an object with the string as `value` or `text`.
pub(crate) fn text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        Value::Object(object) => ["value", "text"].iter().find_map(|field| object.get(*field)?.as_str()),
        _ => None,
    }
}

/// Returns the text of a field, or an empty one.
pub(crate) fn text_of<'a>(object: &'a Value, field: &str) -> &'a str {
    object.get(field).and_then(text).unwrap_or_default()
}

/// Returns a name, such as an id or a code: a string that is not empty, or a number as a string.
pub(crate) fn name(value: &Value) -> Option<String> {
    match value {
        Value::String(name) if !name.trim().is_empty() => Some(name.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Returns a count: a whole number that is not negative, or a string with one.
pub(crate) fn count(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| {
            let number = number.as_f64().filter(|number| number.fract() == 0.0)?;
            // Above 2^53, a float is not exact.
            (0.0..=9_007_199_254_740_992.0).contains(&number).then_some(number as u64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Returns true if an object has an error. Some servers send an empty one, or `false`, for none.
pub(crate) fn has_error(object: &Value) -> bool {
    match object.get("error") {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::String(error)) => !error.is_empty(),
        Some(Value::Object(error)) => !error.is_empty(),
        Some(_) => true,
    }
}

/// Returns the elements of an array, the value itself if it is an object or a string, or nothing.
pub(crate) fn list(value: Option<&Value>) -> &[Value] {
    match value {
        Some(Value::Array(values)) => values,
        Some(value @ (Value::Object(_) | Value::String(_))) => std::slice::from_ref(value),
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn count_reads_whole_numbers_of_any_type() {
        for (value, expected) in [
            (json!(7), Some(7)),
            (json!(7.0), Some(7)),
            (json!("7"), Some(7)),
            (json!(0), Some(0)),
            (json!(u64::MAX), Some(u64::MAX)),
            (json!(null), None),
            (json!(-1), None),
            (json!(7.5), None),
            (json!(1e300), None),
            (json!("many"), None),
            (json!([7]), None),
        ] {
            assert_eq!(count(&value), expected, "{value}");
        }
    }
}
