//! A serde deserializer of JSON values. It is as lenient as Pydantic, and its errors contain the
//! problem and the location.

use std::cell::Cell;

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

use crate::error::{Error, Location};
use crate::scalar;

/// The names of a struct's fields, in their order.
pub(crate) type Fields = &'static [&'static str];

/// Facts about a body that are collected while it is read.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    /// The fields of the outermost struct.
    pub(crate) fields: Cell<Fields>,
    /// The number of members and items that have been read.
    pub(crate) visited: Cell<usize>,
}

/// A value and its location.
#[derive(Clone, Copy)]
pub(crate) struct Lenient<'a> {
    value: &'a Value,
    location: &'a Location<'a>,
    trace: &'a Trace,
}

impl<'a> Lenient<'a> {
    pub(crate) fn new(value: &'a Value, location: &'a Location<'a>, trace: &'a Trace) -> Self {
        trace.visited.update(|visited| visited + 1);
        Self { value, location, trace }
    }

    /// Visits a list. Rejects the list if it is longer than the tuple that is read from it.
    fn visit_items<'de, V: Visitor<'de>>(self, items: &[Value], visitor: V) -> Result<V::Value, Error> {
        let mut items = Items { location: self.location, trace: self.trace, items: items.iter().enumerate() };
        let value = visitor.visit_seq(&mut items)?;
        match items.items.next() {
            None => Ok(value),
            Some((read, _)) => Err(Error::sentence(format!("expected at most {read} items"))),
        }
    }

    /// Returns the members of an object. Members with a name in `fields` come first, in that order.
    fn members(self, object: &'a Map<String, Value>, kind: Kind, fields: Fields) -> Members<'a> {
        let known = fields.iter().filter_map(|name| Some((*name, object.get(*name)?)));
        let others = object.iter().filter(|(name, _)| !fields.contains(&name.as_str()));
        let all = known.chain(others.map(|(name, value)| (name.as_str(), value)));
        Members { location: self.location, trace: self.trace, kind, members: Box::new(all), current: None }
    }
}

macro_rules! integers {
    ($($method:ident $visit:ident $int:ident;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let number = scalar::integer(self.value, $int::MIN.into(), $int::MAX.into())?;
            visitor.$visit(number as $int)
        })*
    };
}

impl<'de> Deserializer<'de> for Lenient<'_> {
    type Error = Error;

    /// Visits the value as it is. Types of secrets use this method and accept only a string,
    /// because serde_json would print a value of another type in its error.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => visitor.visit_u64(number),
                (None, Some(number)) => visitor.visit_i64(number),
                (None, None) => visitor.visit_f64(scalar::float(self.value)?),
            },
            Value::String(text) => visitor.visit_str(text),
            Value::Array(items) => self.visit_items(items, visitor),
            Value::Object(object) => visitor.visit_map(self.members(object, Kind::Any, &[])),
        }
    }

    integers! {
        deserialize_i8 visit_i8 i8;
        deserialize_i16 visit_i16 i16;
        deserialize_i32 visit_i32 i32;
        deserialize_i64 visit_i64 i64;
        deserialize_u8 visit_u8 u8;
        deserialize_u16 visit_u16 u16;
        deserialize_u32 visit_u32 u32;
        deserialize_u64 visit_u64 u64;
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_f64(scalar::float(self.value)?)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bool(scalar::boolean(self.value)?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::String(text) => visitor.visit_str(text),
            _ => Err(Error::string()),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Array(items) => self.visit_items(items, visitor),
            _ => Err(Error::list()),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Object(object) => visitor.visit_map(self.members(object, Kind::Map, &[])),
            _ => Err(Error::map()),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: Fields,
        visitor: V,
    ) -> Result<V::Value, Error> {
        if matches!(self.location, Location::Root) {
            self.trace.fields.set(fields);
        }
        match self.value {
            Value::Object(object) => visitor.visit_map(self.members(object, Kind::Struct, fields)),
            // serde_json also reads a struct from a list of its values.
            Value::Array(items) => self.visit_items(items, visitor),
            _ => Err(Error::object()),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: Fields,
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.value {
            Value::String(name) => visitor.visit_enum(StrDeserializer::new(name)),
            Value::Object(object) if object.len() == 1 => {
                visitor.visit_enum(MapAccessDeserializer::new(self.members(object, Kind::Enum, &[])))
            }
            _ => Err(Error::string()),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct identifier
    }
}

/// The type that an object is read into.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Struct,
    /// A map. Its keys can have any type.
    Map,
    /// An enum. Its only key is the name of a variant.
    Enum,
    /// A type that examines the object itself, for example a tagged enum.
    Any,
}

/// The members of an object that have not been read yet.
struct Members<'a> {
    location: &'a Location<'a>,
    trace: &'a Trace,
    kind: Kind,
    members: Box<dyn Iterator<Item = (&'a str, &'a Value)> + 'a>,
    current: Option<(&'a str, &'a Value)>,
}

impl<'de> MapAccess<'de> for Members<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        self.current = self.members.next();
        let Some((name, value)) = self.current else { return Ok(None) };
        let location = Location::Member(self.location, name);
        let wrong_name = |error: Error| error.at(&location, value).with_wrong_name();
        match self.kind {
            Kind::Map => {
                seed.deserialize(Lenient::new(&Value::from(name), &location, self.trace)).map_err(wrong_name)
            }
            Kind::Struct => seed.deserialize(StrDeserializer::new(name)).map_err(wrong_name),
            // A wrong name is a problem of the whole value, not of the member.
            Kind::Enum | Kind::Any => seed.deserialize(StrDeserializer::new(name)),
        }
        .map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Some((name, value)) = self.current.take() else {
            return Err(serde::de::Error::custom("a value was read before its key"));
        };
        let location = Location::Member(self.location, name);
        seed.deserialize(Lenient::new(value, &location, self.trace)).map_err(|error| match self.kind {
            Kind::Any => error.at(&location, value).in_tagged(self.location),
            _ => error.at(&location, value),
        })
    }
}

/// The items of a list that have not been read yet.
struct Items<'a> {
    location: &'a Location<'a>,
    trace: &'a Trace,
    items: std::iter::Enumerate<std::slice::Iter<'a, Value>>,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some((index, value)) = self.items.next() else { return Ok(None) };
        let location = Location::Item(self.location, index);
        let item = seed.deserialize(Lenient::new(value, &location, self.trace));
        item.map(Some).map_err(|error| error.at(&location, value))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde::de::DeserializeOwned;
    use serde_json::json;

    use super::*;
    use crate::error::Problem;

    fn read<T: DeserializeOwned>(value: &Value) -> Result<T, Error> {
        let trace = Trace::default();
        T::deserialize(Lenient::new(value, &Location::Root, &trace))
            .map_err(|error| error.at(&Location::Root, value))
    }

    #[track_caller]
    fn assert_problem<T: DeserializeOwned>(value: &Value, kind: &str, path: &Value) {
        let error = read::<T>(value).err().unwrap();
        let found = match &error.problem {
            Problem::Known(kind, _) => kind,
            Problem::Sentence(text) => text.as_ref(),
        };
        assert_eq!((found, serde_json::to_value(error.path()).unwrap()), (kind, path.clone()), "{value}");
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Shape {
        Square,
        Circle(f64),
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Deep {
        shapes: Vec<Shape>,
        counts: BTreeMap<u8, i64>,
    }

    #[test]
    fn deserialize_reads_nested_objects_lists_maps_and_enums() {
        let value = json!({ "shapes": ["square", { "circle": "1.5" }], "counts": { "7": "8" } });
        let deep = Deep { shapes: vec![Shape::Square, Shape::Circle(1.5)], counts: [(7, 8)].into() };
        assert_eq!(read::<Deep>(&value).unwrap(), deep);
    }

    #[test]
    fn deserialize_reports_the_path_of_the_innermost_value() {
        let good = json!({ "shapes": [], "counts": {} });
        let with = |name: &str, value: Value| {
            let mut body = good.clone();
            body[name] = value;
            body
        };
        for (body, kind, path) in [
            (with("shapes", json!({})), "list_type", json!(["shapes"])),
            (with("shapes", json!(["square", 7])), "string_type", json!(["shapes", 1])),
            (with("shapes", json!(["oval"])), "Input should be 'square' or 'circle'", json!(["shapes", 0])),
            (with("shapes", json!([{ "circle": "wide" }])), "float_parsing", json!(["shapes", 0, "circle"])),
            (with("shapes", json!([{ "circle": 1, "square": null }])), "string_type", json!(["shapes", 0])),
            (with("counts", json!([])), "dict_type", json!(["counts"])),
            (with("counts", json!({ "x": 1 })), "int_parsing", json!(["counts", "x"])),
            (with("counts", json!({ "1": null })), "int_type", json!(["counts", "1"])),
            (json!({ "counts": {} }), "missing", json!(["shapes"])),
            (json!(7), "model_attributes_type", json!([])),
        ] {
            assert_problem::<Deep>(&body, kind, &path);
        }
    }

    #[test]
    fn deserialize_any_reports_what_the_visitor_expects() {
        #[derive(Debug, Deserialize)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        enum Tagged {
            Named {
                #[expect(dead_code, reason = "only read")]
                name: String,
                #[expect(dead_code, reason = "only read")]
                count: i64,
            },
        }

        assert!(read::<Tagged>(&json!({ "kind": "named", "name": "a", "count": 1 })).is_ok());
        let with = |name: Value, count: Value| json!({ "kind": "named", "name": name, "count": count });
        // serde buffers the members of a tagged enum, and loses their locations.
        assert_problem::<Tagged>(&with(json!(1), json!(1)), "string_type", &json!([]));
        assert_problem::<Tagged>(&with(json!("a"), json!("b")), "int_type", &json!([]));
        assert_problem::<Tagged>(&json!({ "kind": "named", "name": "a" }), "missing", &json!(["count"]));
        assert_problem::<char>(&json!("ab"), "expected a character", &json!([]));
        assert_problem::<(u8, u8)>(&json!([1, 2, 3]), "expected at most 2 items", &json!([]));
    }
}
