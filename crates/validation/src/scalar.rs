//! Reads integers, floats and booleans, as leniently as Pydantic.

use serde_json::Value;

use crate::error::Error;
use crate::{integer, sentence};

/// Reads an integer between `min` and `max`.
///
/// A 64-bit type gets the nearest integer if the number is out of range. Python's integers have no
/// limit, and a lookup by either number finds nothing.
pub(crate) fn integer(value: &Value, min: i128, max: i128) -> Result<i128, Error> {
    let number = match value {
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(integer), ..) => integer.into(),
            (None, Some(integer), _) => integer.into(),
            (None, None, Some(float)) if float.fract() == 0.0 => float as i128,
            _ => return Err(Error::known("int_from_float", FRACTION)),
        },
        Value::Bool(value) => i128::from(*value),
        Value::String(text) => integer::parse(text).ok_or_else(|| Error::known("int_parsing", NO_INTEGER))?,
        _ => return Err(Error::integer()),
    };
    if number > max && max < i64::MAX.into() {
        return Err(Error::sentence(sentence::less_than_equal(max)));
    }
    // Only `i64` gets the nearest integer here. For an unsigned type, that would be 0.
    if number < min && min > i64::MIN.into() {
        return Err(Error::sentence(sentence::greater_than_equal(min)));
    }
    Ok(number.clamp(min, max))
}

const FRACTION: &str = "Input should be a valid integer, got a number with a fractional part";
const NO_INTEGER: &str = "Input should be a valid integer, unable to parse string as an integer";

/// Reads a float. JSON has no infinity, so a text with an infinite number is rejected too.
pub(crate) fn float(value: &Value) -> Result<f64, Error> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        Value::String(text) => match text.trim().parse::<f64>() {
            Ok(number) => Some(number),
            Err(_) => {
                let sentence = "Input should be a valid number, unable to parse string as a number";
                return Err(Error::known("float_parsing", sentence));
            }
        },
        _ => None,
    };
    let number = number.ok_or_else(Error::number)?;
    if number.is_finite() {
        Ok(number)
    } else {
        Err(Error::known("finite_number", "Input should be a finite number"))
    }
}

/// Reads a boolean. Accepts the same numbers and words as Pydantic.
pub(crate) fn boolean(value: &Value) -> Result<bool, Error> {
    let found = match value {
        Value::Bool(value) => Some(*value),
        Value::Number(number) => match number.as_f64() {
            Some(0.0) => Some(false),
            Some(1.0) => Some(true),
            _ => None,
        },
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "on" | "1" => Some(true),
            "false" | "f" | "no" | "n" | "off" | "0" => Some(false),
            _ => None,
        },
        _ => return Err(Error::boolean()),
    };
    let sentence = "Input should be a valid boolean, unable to interpret input";
    found.ok_or_else(|| Error::known("bool_parsing", sentence))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::Problem;

    fn kind<T>(result: Result<T, Error>) -> &'static str {
        match result.as_ref().map_err(|error| &error.problem) {
            Ok(_) => "",
            Err(Problem::Known(kind, _)) => kind,
            Err(Problem::Sentence(_)) => "sentence",
        }
    }

    #[test]
    fn integer_is_as_lenient_as_pydantic() {
        let read = |value| integer(&value, i64::MIN.into(), i64::MAX.into());
        for good in [json!(7), json!(7.0), json!("7"), json!(" 7.00 ")] {
            assert_eq!(read(good.clone()).ok(), Some(7), "{good}");
        }
        assert_eq!(read(json!(true)).ok(), Some(1));
        assert_eq!(read(json!(1e30)).ok(), Some(i64::MAX.into()));
        assert_eq!(read(json!("-99999999999999999999")).ok(), Some(i64::MIN.into()));
        assert_eq!(kind(read(json!(1.5))), "int_from_float");
        assert_eq!(kind(read(json!("x"))), "int_parsing");
        assert_eq!(kind(read(json!(null))), "int_type");
    }

    #[test]
    fn integer_rejects_what_a_smaller_type_cannot_hold() {
        assert_eq!(integer(&json!(300), 0, 255).unwrap_err().to_string(), sentence::less_than_equal(255));
        let unsigned = |value| integer(&value, 0, u64::MAX.into());
        assert_eq!(unsigned(json!(-1)).unwrap_err().to_string(), sentence::greater_than_equal(0));
        assert_eq!(unsigned(json!(u64::MAX)).ok(), Some(u64::MAX.into()));
        assert_eq!(unsigned(json!("99999999999999999999")).ok(), Some(u64::MAX.into()));
    }

    #[test]
    fn float_is_as_lenient_as_pydantic() {
        for (value, number) in
            [(json!(1.5), 1.5), (json!(7), 7.0), (json!(" 1e3 "), 1000.0), (json!(true), 1.0)]
        {
            assert_eq!(float(&value).ok(), Some(number), "{value}");
        }
        for (value, expected) in
            [(json!("x"), "float_parsing"), (json!([]), "float_type"), (json!("inf"), "finite_number")]
        {
            assert_eq!(kind(float(&value)), expected, "{value}");
        }
    }

    #[test]
    fn boolean_is_as_lenient_as_pydantic() {
        for truth in [json!(true), json!(1), json!(1.0), json!("Yes"), json!("on"), json!("1")] {
            assert_eq!(boolean(&truth).ok(), Some(true), "{truth}");
        }
        for untruth in [json!(false), json!(0), json!("F"), json!("off")] {
            assert_eq!(boolean(&untruth).ok(), Some(false), "{untruth}");
        }
        for unclear in [json!(2), json!("maybe"), json!("")] {
            assert_eq!(kind(boolean(&unclear)), "bool_parsing", "{unclear}");
        }
        assert_eq!(kind(boolean(&json!([]))), "bool_type");
    }
}
