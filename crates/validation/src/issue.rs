//! One thing that is wrong with a request.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// One thing that is wrong with a request, in Pydantic's words.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = ValidationError)]
pub(crate) struct Issue {
    /// What kind of problem it is, for programs.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "string_too_short")]
    pub kind: Cow<'static, str>,
    /// Where it is: `body`, `query` or `path`, then the field.
    #[schema(example = json!(["body", "password"]))]
    pub loc: Vec<Step>,
    /// What is wrong, for people.
    #[schema(example = "String should have at least 6 characters")]
    pub msg: Cow<'static, str>,
    /// What was sent; left out where it is secret, large or the whole body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    /// The numbers and words of the rule that was broken.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, nullable = false)]
    pub ctx: Option<Value>,
}

/// A step on the way to a problem: a name, or a position in a text that is not JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Step {
    /// A part of the request or a field.
    Name(Cow<'static, str>),
    /// How many characters into the text.
    Position(usize),
}

/// The fields whose content is never repeated.
const SECRET: [&str; 6] =
    ["password", "confirm_password", "current_password", "new_password", "client_secret", "refresh_token"];

/// Larger values are not sent back: whoever sent them has them.
const INPUT_MAX: usize = 1_024;

impl Issue {
    /// A problem with one field of a part of the request.
    pub(crate) fn of_field(
        part: &'static str,
        field: &str,
        kind: impl Into<Cow<'static, str>>,
        msg: impl Into<Cow<'static, str>>,
    ) -> Self {
        let loc = vec![Step::Name(part.into()), Step::Name(field.to_owned().into())];
        Self { kind: kind.into(), loc, msg: msg.into(), input: None, ctx: None }
    }

    /// A problem with a part of the request as a whole.
    pub(crate) fn of_part(
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

    /// Adds what was sent, unless it is secret or large.
    pub(crate) fn with_input(mut self, input: Option<Value>) -> Self {
        let secret = self.field().is_some_and(|field| SECRET.contains(&field));
        let small = |value: &Value| match value {
            Value::String(text) => text.len() <= INPUT_MAX,
            Value::Array(_) | Value::Object(_) => false,
            _ => true,
        };
        self.input = input.filter(|value| !secret && small(value));
        self
    }

    pub(crate) fn with_ctx(mut self, ctx: Value) -> Self {
        self.ctx = Some(ctx);
        self
    }

    /// The name of the field, if it is about one.
    pub(crate) fn field(&self) -> Option<&str> {
        match self.loc.get(1) {
            Some(Step::Name(name)) => Some(name),
            _ => None,
        }
    }
}
