//! A deserializer that does not stop at the first wrong field.
//!
//! Serde asks for each field of a struct in turn, saying which kind of value it expects. Where the source has another kind or
//! nothing, the problem is noted and a placeholder handed over, so that one pass finds every problem. The placeholder never gets
//! out: with problems noted, the value is thrown away.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_json::{Map, Value};

use super::{Issue, parse_integer};

/// Where fields are taken from.
pub(crate) enum Source<'a> {
    /// The object of a JSON body.
    Json(&'a Map<String, Value>),
    /// The pairs of a form or a query; the last of two equal names counts.
    Pairs(&'static str, &'a [(Cow<'a, str>, Cow<'a, str>)]),
}

impl Source<'_> {
    /// Which part of the request it is.
    pub(crate) fn part(&self) -> &'static str {
        match self {
            Self::Json(_) => "body",
            Self::Pairs(part, _) => part,
        }
    }

    /// What was sent in a field, if anything.
    pub(crate) fn field(&self, name: &str) -> Option<Cow<'_, Value>> {
        match self {
            Self::Json(object) => object.get(name).map(Cow::Borrowed),
            Self::Pairs(_, pairs) => {
                let pair = pairs.iter().rev().find(|(key, _)| key == name);
                pair.map(|(_, text)| Cow::Owned(Value::String(text.clone().into_owned())))
            }
        }
    }
}

/// Reads a struct: the value, unless reading broke off; the problems; the names of its fields in their order.
pub(crate) fn read<'de, T: Deserialize<'de>>(
    source: &Source<'_>,
) -> (Option<T>, Vec<Issue>, &'static [&'static str]) {
    let reader = Reader { source, issues: RefCell::default(), fields: Cell::new(&[]) };
    let value = T::deserialize(&reader);
    let mut issues = reader.issues.into_inner();
    let value = value
        .map_err(|Broken(reason)| issues.push(Issue::of_part(source.part(), "value_error", reason)))
        .ok();
    (value, issues, reader.fields.get())
}

struct Reader<'a> {
    source: &'a Source<'a>,
    issues: RefCell<Vec<Issue>>,
    fields: Cell<&'static [&'static str]>,
}

/// Reading cannot go on.
#[derive(Debug)]
struct Broken(String);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Broken {}

impl serde::de::Error for Broken {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self(reason.to_string())
    }
}

impl<'de> Deserializer<'de> for &Reader<'_> {
    type Error = Broken;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Broken> {
        self.fields.set(fields);
        visitor.visit_map(Fields { reader: self, rest: fields.iter(), current: "" })
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Broken> {
        Err(Broken::custom("a request is read into a struct with named fields"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq
        tuple tuple_struct map enum identifier ignored_any
    }
}

struct Fields<'a> {
    reader: &'a Reader<'a>,
    rest: std::slice::Iter<'static, &'static str>,
    current: &'static str,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Broken;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Broken> {
        let Some(name) = self.rest.next() else { return Ok(None) };
        self.current = name;
        seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Broken> {
        let value = self.reader.source.field(self.current);
        seed.deserialize(Slot { reader: self.reader, name: self.current, value })
    }
}

struct Slot<'a> {
    reader: &'a Reader<'a>,
    name: &'static str,
    value: Option<Cow<'a, Value>>,
}

impl Slot<'_> {
    /// Notes that the field is not of the kind that is wanted, or not there.
    fn refuse(&self, kind: &'static str, msg: &'static str) {
        let part = self.reader.source.part();
        let issue = match &self.value {
            Some(value) => {
                Issue::of_field(part, self.name, kind, msg).with_input(Some(value.as_ref().clone()))
            }
            None => Issue::of_field(part, self.name, "missing", "Field required"),
        };
        self.reader.issues.borrow_mut().push(issue);
    }

    fn integer(&self) -> Option<i64> {
        match self.value.as_deref() {
            Some(Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
                (Some(integer), _) => Some(integer),
                (None, Some(float)) if float.fract() == 0.0 => Some(float as i64),
                (None, _) => {
                    self.refuse(
                        "int_from_float",
                        "Input should be a valid integer, got a number with a fractional part",
                    );
                    None
                }
            },
            Some(Value::Bool(value)) => Some(i64::from(*value)),
            Some(Value::String(text)) => {
                let parsed = parse_integer(text);
                if parsed.is_none() {
                    self.refuse(
                        "int_parsing",
                        "Input should be a valid integer, unable to parse string as an integer",
                    );
                }
                parsed
            }
            _ => {
                self.refuse("int_type", "Input should be a valid integer");
                None
            }
        }
    }
}

impl Slot<'_> {
    fn boolean(&self) -> Option<bool> {
        const UNABLE: &str = "Input should be a valid boolean, unable to interpret input";
        let found = match self.value.as_deref() {
            Some(Value::Bool(value)) => return Some(*value),
            Some(Value::Number(number)) => match number.as_f64() {
                Some(0.0) => Some(false),
                Some(1.0) => Some(true),
                _ => None,
            },
            Some(Value::String(text)) => match text.to_ascii_lowercase().as_str() {
                "true" | "t" | "yes" | "y" | "on" | "1" => Some(true),
                "false" | "f" | "no" | "n" | "off" | "0" => Some(false),
                _ => None,
            },
            _ => {
                self.refuse("bool_type", "Input should be a valid boolean");
                return None;
            }
        };
        if found.is_none() {
            self.refuse("bool_parsing", UNABLE);
        }
        found
    }
}

/// Any integer will do: it is thrown away.
const PLACEHOLDER: i64 = 1;

impl<'de> Deserializer<'de> for Slot<'_> {
    type Error = Broken;

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Broken> {
        visitor.visit_i64(self.integer().unwrap_or(PLACEHOLDER))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Broken> {
        visitor.visit_bool(self.boolean().unwrap_or_default())
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Broken> {
        match self.value.as_deref() {
            Some(Value::String(text)) => visitor.visit_str(text),
            _ => {
                self.refuse("string_type", "Input should be a valid string");
                visitor.visit_str("")
            }
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Broken> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Broken> {
        match self.value.as_deref() {
            None | Some(Value::Null) => visitor.visit_none(),
            Some(_) => visitor.visit_some(self),
        }
    }

    /// Secrets take anything, in order not to have it printed, and are texts. No request has a field of any other kind than text,
    /// integer, truth, and either one or nothing.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Broken> {
        self.deserialize_str(visitor)
    }

    forward_to_deserialize_any! {
        i8 i16 i32 u8 u16 u32 u64 newtype_struct f32 f64 char bytes byte_buf unit unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Sample {
        name: String,
        count: i64,
        nick: Option<String>,
    }

    fn kinds(value: &Value) -> Vec<(String, String)> {
        let Value::Object(object) = value else { return Vec::new() };
        let (_, issues, _) = read::<Sample>(&Source::Json(object));
        issues.into_iter().map(|i| (i.field().unwrap_or("").to_owned(), i.kind.into_owned())).collect()
    }

    #[test]
    fn one_pass_finds_every_problem() {
        let found = kinds(&json!({"name": 1, "count": "x", "nick": []}));
        let expected = [("name", "string_type"), ("count", "int_parsing"), ("nick", "string_type")];
        assert_eq!(found, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }

    #[test]
    fn what_is_absent_is_missing_unless_optional() {
        let found = kinds(&json!({}));
        assert_eq!(
            found,
            [("name", "missing"), ("count", "missing")].map(|(a, b)| (a.to_owned(), b.to_owned()))
        );
        assert_eq!(kinds(&json!({"name": null, "count": null})).len(), 2);
    }

    #[test]
    fn numbers_are_as_lenient_as_pydantic() {
        assert_eq!(kinds(&json!({"name": "a", "count": 7.0})), []);
        assert_eq!(kinds(&json!({"name": "a", "count": "7"})), []);
        assert_eq!(kinds(&json!({"name": "a", "count": 1.5}))[0].1, "int_from_float");
        assert_eq!(kinds(&json!({"name": "a", "count": []}))[0].1, "int_type");
        assert_eq!(kinds(&json!({"name": "a", "count": true})), []);
    }

    #[test]
    fn truth_is_as_lenient_as_pydantic() {
        #[derive(Deserialize)]
        struct Switch {
            on: Option<bool>,
        }
        let read = |value: Value| {
            let object = json!({ "on": value });
            let (switch, issues, _) = read::<Switch>(&Source::Json(object.as_object().unwrap()));
            (switch.unwrap().on, issues.into_iter().map(|issue| issue.kind.into_owned()).collect::<Vec<_>>())
        };
        for truth in [json!(true), json!(1), json!(1.0), json!("Yes"), json!("on"), json!("1")] {
            assert_eq!(read(truth.clone()), (Some(true), vec![]), "{truth}");
        }
        for untruth in [json!(false), json!(0), json!("F"), json!("off")] {
            assert_eq!(read(untruth.clone()), (Some(false), vec![]), "{untruth}");
        }
        assert_eq!(read(json!(null)), (None, vec![]));
        for unclear in [json!(2), json!("maybe"), json!("")] {
            assert_eq!(read(unclear.clone()).1, ["bool_parsing"], "{unclear}");
        }
        assert_eq!(read(json!([])).1, ["bool_type"]);
    }

    #[test]
    fn a_good_source_gives_the_value() {
        let pairs = [("name".into(), "a".into()), ("count".into(), "1".into()), ("count".into(), "2".into())];
        let (value, issues, fields) = read::<Sample>(&Source::Pairs("query", &pairs));
        assert_eq!(value, Some(Sample { name: "a".into(), count: 2, nick: None }));
        assert_eq!(issues, []);
        assert_eq!(fields, ["name", "count", "nick"]);
    }
}
