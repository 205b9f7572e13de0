//! Requests and their JSON.

use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeStruct, Serializer};

/// A request to a model: the body of `POST /responses`.
///
/// Names and meanings of the fields are those of the Responses API reference. A field that is not
/// set is not sent, so the provider's default applies. The exception is [`store`](Request::store).
///
/// `Debug` shows the whole text, so keep it out of logs.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Request {
    model: String,
    input: Input,
    #[serde(skip_serializing_if = "Option::is_none")]
    instructions: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u32>,
    store: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<Reasoning>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
struct Reasoning {
    effort: ReasoningEffort,
}

impl Request {
    /// Creates a request for `model`, such as `gpt-5-nano`.
    ///
    /// The input is a text, a [`Message`] or a vector of messages.
    pub fn new(model: impl Into<String>, input: impl Into<Input>) -> Self {
        Self {
            model: model.into(),
            input: input.into(),
            instructions: None,
            max_output_tokens: None,
            store: false,
            reasoning: None,
            metadata: BTreeMap::new(),
        }
    }

    /// Sets the instructions: what the model does with the input.
    ///
    /// Instructions outrank the input, so put text from a user into the input.
    #[must_use]
    pub fn instructions(mut self, instructions: impl Into<String>) -> Self {
        self.instructions = Some(instructions.into());
        self
    }

    /// Sets the maximum number of tokens that the model may write, including its reasoning.
    ///
    /// OpenAI accepts 16 and more. A response that reaches the limit is
    /// [`Error::Incomplete`](crate::Error::Incomplete).
    #[must_use]
    pub fn max_output_tokens(mut self, tokens: u32) -> Self {
        self.max_output_tokens = Some(tokens);
        self
    }

    /// Sets whether the provider stores the response; false by default.
    ///
    /// OpenAI's own default is true. This crate's default is false, so that a user's text is not
    /// stored without need.
    #[must_use]
    pub fn store(mut self, store: bool) -> Self {
        self.store = store;
        self
    }

    /// Sets how much a reasoning model thinks. Other models reject the field.
    #[must_use]
    pub fn reasoning_effort(mut self, effort: ReasoningEffort) -> Self {
        self.reasoning = Some(Reasoning { effort });
        self
    }

    /// Adds a label that the provider shows with the request.
    ///
    /// OpenAI accepts 16 labels, with names of at most 64 and values of at most 512 characters. A
    /// second value for the same name replaces the first.
    #[must_use]
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(name.into(), value.into());
        self
    }

    /// Returns the texts of the input, in order.
    pub fn input_text(&self) -> impl Iterator<Item = &str> {
        let (text, messages) = match &self.input {
            Input::Text(text) => (Some(text.as_str()), &[][..]),
            Input::Messages(messages) => (None, messages.as_slice()),
        };
        text.into_iter().chain(messages.iter().map(|message| message.text.as_str()))
    }

    pub(crate) fn model(&self) -> &str {
        &self.model
    }
}

/// The input of a request.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Input {
    /// A text, which has the same effect as one message of [`Role::User`].
    Text(String),
    /// A conversation, oldest message first.
    Messages(Vec<Message>),
}

impl From<&str> for Input {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Input {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Message> for Input {
    fn from(message: Message) -> Self {
        Self::Messages(vec![message])
    }
}

impl From<Vec<Message>> for Input {
    fn from(messages: Vec<Message>) -> Self {
        Self::Messages(messages)
    }
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The author.
    pub role: Role,
    /// The text.
    pub text: String,
}

impl Message {
    /// Creates a message.
    pub fn new(role: Role, text: impl Into<String>) -> Self {
        Self { role, text: text.into() }
    }
}

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        struct Part<'a> {
            r#type: &'static str,
            text: &'a str,
        }
        // The API accepts `output_text` only from the model, and `input_text` only from the others.
        let part_type = if self.role == Role::Assistant { "output_text" } else { "input_text" };
        let mut message = serializer.serialize_struct("Message", 2)?;
        message.serialize_field("role", &self.role)?;
        message.serialize_field("content", &[Part { r#type: part_type, text: &self.text }])?;
        message.end()
    }
}

/// The author of a [`Message`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Role {
    /// The user of the application.
    User,
    /// The application, which outranks the user.
    Developer,
    /// The application, under the name that older models use.
    System,
    /// The model, in an earlier turn.
    Assistant,
}

/// How much a reasoning model thinks before it writes.
///
/// Each model accepts some of these values; see the documentation of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ReasoningEffort {
    /// No reasoning.
    None,
    /// The minimum of a model that always reasons.
    Minimal,
    /// Fast and cheap.
    Low,
    /// The default of most models.
    Medium,
    /// Slow and expensive.
    High,
    /// The maximum.
    XHigh,
}
