//! The items of Pydantic's error list, as they are sent to clients.

use std::borrow::Cow;
use std::fmt::Display;

use serde::Serialize;
use serde_json::{Value, json};

/// One problem of a request: an item of the list in FastAPI's 422 response.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = ValidationError))]
#[non_exhaustive]
pub struct Issue {
    /// The kind of problem, for programs.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "utoipa", schema(value_type = String, example = "string_too_short"))]
    pub kind: Cow<'static, str>,
    /// The place: `body`, `query` or `path`, then the field.
    #[cfg_attr(feature = "utoipa", schema(example = json!(["body", "password"])))]
    pub loc: Vec<Step>,
    /// A sentence for people.
    #[cfg_attr(feature = "utoipa", schema(example = "String should have at least 6 characters"))]
    pub msg: Cow<'static, str>,
    /// The value that was sent. Left out if it is secret, large, an object or a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    /// The numbers and words of the violated rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<Object>, nullable = false))]
    pub ctx: Option<Value>,
}

/// One step of the path to a problem.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum Step {
    /// A part of the request, or a field.
    Name(Cow<'static, str>),
    /// An index in a list, or a number of characters in a text that is not JSON.
    Position(usize),
}

/// The maximum length in bytes of a text that is sent back. The client already has a longer text,
/// and without it the response stays small.
const INPUT_MAX: usize = 1_024;

/// Returns true if a value may be repeated in a response.
pub(crate) fn is_small(value: &Value) -> bool {
    match value {
        Value::String(text) => text.len() <= INPUT_MAX,
        Value::Array(_) | Value::Object(_) => false,
        _ => true,
    }
}

impl Issue {
    /// Returns a problem of one field of a part of the request.
    #[must_use]
    pub fn of_field(
        part: &'static str,
        field: impl Into<String>,
        kind: impl Into<Cow<'static, str>>,
        msg: impl Into<Cow<'static, str>>,
    ) -> Self {
        let mut issue = Self::of_part(part, kind, msg);
        issue.loc.push(Step::Name(field.into().into()));
        issue
    }

    /// Returns a problem of a part of the request as a whole.
    #[must_use]
    pub fn of_part(
        part: &'static str,
        kind: impl Into<Cow<'static, str>>,
        msg: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            kind: kind.into(),
            loc: vec![Step::Name(part.into())],
            msg: msg.into(),
            input: None,
            ctx: None,
        }
    }

    /// Returns the problem of a field that violates a rule of the service. Pydantic reports the
    /// same if a validator function raises an exception.
    #[must_use]
    pub fn value_error(part: &'static str, field: impl Into<String>, sentence: impl Display) -> Self {
        Self::of_field(part, field, "value_error", format!("Value error, {sentence}"))
            .with_ctx(json!({ "error": {} }))
    }

    /// Adds the value that the client sent, unless it is large, an object or a list. The caller
    /// must not pass a secret.
    #[must_use]
    pub fn with_input(mut self, input: impl Into<Value>) -> Self {
        self.input = Some(input.into()).filter(is_small);
        self
    }

    /// Adds the numbers and words of the violated rule, as a JSON object.
    #[must_use]
    pub fn with_ctx(mut self, ctx: Value) -> Self {
        self.ctx = Some(ctx);
        self
    }

    /// Returns the name of the field, or `None` if the problem is not in a field.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        match self.loc.get(1) {
            Some(Step::Name(name)) => Some(name),
            _ => None,
        }
    }
}
