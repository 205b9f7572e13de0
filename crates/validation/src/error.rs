//! The error of the deserializer: one problem, its location and the value there.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use serde::de::{Expected, Unexpected};
use serde_json::Value;

use crate::issue::{Step, is_small};
use crate::sentence;

/// The location of a value in a body. The path is only built if there is a problem.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Location<'a> {
    Root,
    Member(&'a Location<'a>, &'a str),
    Item(&'a Location<'a>, usize),
}

impl Location<'_> {
    pub(crate) fn path(&self) -> Vec<Step> {
        let (mut path, step) = match self {
            Self::Root => return Vec::new(),
            Self::Member(parent, name) => (parent.path(), Step::Name((*name).to_owned().into())),
            Self::Item(parent, index) => (parent.path(), Step::Position(*index)),
        };
        path.push(step);
        path
    }
}

/// One problem of a body. It is boxed, because each read of a value returns a `Result` with it.
#[derive(Debug)]
pub(crate) struct Error(Box<Details>);

#[derive(Debug)]
pub(crate) struct Details {
    pub(crate) problem: Problem,
    /// `None` until the innermost object or list that contains the value has added it.
    path: Option<Vec<Step>>,
    /// The field that serde names in the error. It is one step below the location.
    field: Option<&'static str>,
    /// The value at the location, if it may be sent back.
    pub(crate) input: Option<Value>,
    /// The number of items, if a rule is violated and the value is a list.
    pub(crate) items: Option<usize>,
    /// The names of the enum's variants, if the error is an unknown variant.
    pub(crate) variants: &'static [&'static str],
    /// True if the name of the member is wrong. Then no other value helps.
    pub(crate) is_name_wrong: bool,
    /// The number of steps to the tagged enum that contains the value, if there is one.
    tagged: Option<usize>,
}

impl Deref for Error {
    type Target = Details;

    fn deref(&self) -> &Details {
        &self.0
    }
}

/// The problem itself.
#[derive(Debug)]
pub(crate) enum Problem {
    /// A sentence of Pydantic that has no `ctx`: its type and its text.
    Known(&'static str, &'static str),
    /// The error text of a type or a rule.
    Sentence(Cow<'static, str>),
}

impl Error {
    fn new(problem: Problem) -> Self {
        Self(Box::new(Details {
            problem,
            path: None,
            field: None,
            input: None,
            items: None,
            variants: &[],
            is_name_wrong: false,
            tagged: None,
        }))
    }

    pub(crate) fn known(kind: &'static str, msg: &'static str) -> Self {
        Self::new(Problem::Known(kind, msg))
    }

    pub(crate) fn sentence(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Problem::Sentence(text.into()))
    }

    /// Returns the error for a value of the wrong type. `expected` is serde's name of the right
    /// type.
    fn expected(expected: &str) -> Self {
        match expected {
            "a string" => Self::string(),
            "a boolean" => Self::boolean(),
            "i8" | "i16" | "i32" | "i64" | "isize" | "u8" | "u16" | "u32" | "u64" | "usize" => {
                Self::integer()
            }
            "f32" | "f64" => Self::number(),
            "a sequence" => Self::list(),
            "a map" => Self::map(),
            other if other.starts_with("struct ") => Self::object(),
            other => Self::sentence(format!("expected {other}")),
        }
    }

    fn in_field(mut self, field: &'static str) -> Self {
        self.0.field = Some(field);
        self
    }

    pub(crate) fn string() -> Self {
        Self::known("string_type", "Input should be a valid string")
    }

    pub(crate) fn boolean() -> Self {
        Self::known("bool_type", "Input should be a valid boolean")
    }

    pub(crate) fn integer() -> Self {
        Self::known("int_type", "Input should be a valid integer")
    }

    pub(crate) fn number() -> Self {
        Self::known("float_type", "Input should be a valid number")
    }

    pub(crate) fn list() -> Self {
        Self::known("list_type", "Input should be a valid list")
    }

    pub(crate) fn map() -> Self {
        Self::known("dict_type", "Input should be a valid dictionary")
    }

    pub(crate) fn object() -> Self {
        let sentence = "Input should be a valid dictionary or object to extract fields from";
        Self::known("model_attributes_type", sentence)
    }

    /// Sets the location and the value there. If a location is already set, it is deeper, so it
    /// stays.
    pub(crate) fn at(mut self, location: &Location<'_>, value: &Value) -> Self {
        if self.path.is_none() {
            let mut path = location.path();
            path.extend(self.field.map(|name| Step::Name(name.into())));
            self.0.path = Some(path);
            self.0.input = Some(value).filter(|value| is_small(value)).cloned();
        }
        self
    }

    /// Adds that the name of the member is wrong, not its value.
    pub(crate) fn with_wrong_name(mut self) -> Self {
        self.0.is_name_wrong = true;
        self
    }

    /// Adds that the value is in a tagged enum at this location.
    pub(crate) fn in_tagged(mut self, location: &Location<'_>) -> Self {
        self.0.tagged = Some(location.path().len());
        self
    }

    /// Sets a path, and the value there.
    pub(crate) fn at_path(mut self, path: Vec<Step>, value: Option<&Value>) -> Self {
        self.0.path = Some(path);
        self.0.input = value.filter(|value| is_small(value)).cloned();
        self.0.items = value.and_then(Value::as_array).map(Vec::len);
        self
    }

    /// Returns the path from the body to the value. It is empty for the body itself.
    pub(crate) fn path(&self) -> &[Step] {
        self.path.as_deref().unwrap_or_default()
    }

    /// Returns the path to the outermost value that changes if a placeholder replaces this one. The
    /// tag of a tagged enum determines which members it has.
    pub(crate) fn affected(&self) -> &[Step] {
        let path = self.path();
        &path[..self.tagged.unwrap_or(path.len())]
    }
}

/// Shows only the problem itself.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            Problem::Known(_, msg) => f.write_str(msg),
            Problem::Sentence(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Error {}

/// serde's own sentences quote the value, which may be secret. The sentences here do not.
impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self::sentence(text.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::expected(&expected.to_string())
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::sentence(format!("expected {expected}"))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        let mut error = Self::sentence(sentence::literal_error(expected));
        error.0.variants = expected;
        error
    }

    fn unknown_field(_: &str, _: &'static [&'static str]) -> Self {
        Self::known("extra_forbidden", "Extra inputs are not permitted")
    }

    fn missing_field(field: &'static str) -> Self {
        Self::known("missing", "Field required").in_field(field)
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::sentence("sent twice, under different names").in_field(field)
    }
}
