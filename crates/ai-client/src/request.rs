use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeStruct, Serializer};

/// One question for a model: the body of `POST /responses`.
///
/// Field names and meanings are those of the Responses API reference. What is not set is not sent, so the provider's default holds;
/// `store` is the exception, see [`Request::store`]. `Debug` shows the whole text: keep it out of logs.
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
    /// Asks `model` (a name the provider knows, such as `gpt-5-nano`) about `input`: a text, a [`Message`] or several of them.
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

    /// What the model is to do with the input. It outranks the input, so text that a user wrote belongs there and not here.
    #[must_use]
    pub fn instructions(mut self, instructions: impl Into<String>) -> Self {
        self.instructions = Some(instructions.into());
        self
    }

    /// The most tokens the model may produce, those it spends on reasoning included. OpenAI takes 16 and more. An answer that
    /// reaches it is [`Error::Incomplete`](crate::Error::Incomplete).
    #[must_use]
    pub fn max_output_tokens(mut self, tokens: u32) -> Self {
        self.max_output_tokens = Some(tokens);
        self
    }

    /// Whether the provider keeps the answer to be fetched later. Off unless asked for, against OpenAI's own default: what a user
    /// wrote should lie nowhere it need not.
    #[must_use]
    pub fn store(mut self, store: bool) -> Self {
        self.store = store;
        self
    }

    /// How much a reasoning model thinks before it answers. Models that do not reason refuse the field.
    #[must_use]
    pub fn reasoning_effort(mut self, effort: ReasoningEffort) -> Self {
        self.reasoning = Some(Reasoning { effort });
        self
    }

    /// Adds a label that the provider shows beside the request. OpenAI takes 16 of them, names of up to 64 characters and values of
    /// up to 512; one name given twice keeps its last value.
    #[must_use]
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(name.into(), value.into());
        self
    }

    /// The texts of the input, in their order.
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

/// What a model is asked about.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Input {
    /// A plain text, the same as one message of the user.
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
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub text: String,
}

impl Message {
    /// Lets `role` say `text`.
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
        // The API takes what the model itself said under another name than what it was told, and refuses the wrong one.
        let kind = if self.role == Role::Assistant { "output_text" } else { "input_text" };
        let mut message = serializer.serialize_struct("Message", 2)?;
        message.serialize_field("role", &self.role)?;
        message.serialize_field("content", &[Part { r#type: kind, text: &self.text }])?;
        message.end()
    }
}

/// Who speaks in a [`Message`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Role {
    /// The person who asks.
    User,
    /// The application; outranks the user.
    Developer,
    /// The application, as older models call it.
    System,
    /// The model, in an earlier turn.
    Assistant,
}

/// How much a reasoning model thinks before it answers. Which of these a model takes is in its own documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ReasoningEffort {
    /// Not at all.
    None,
    /// As little as a model that always reasons can.
    Minimal,
    /// Little: fast and cheap.
    Low,
    /// The usual amount.
    Medium,
    /// Much: slow and dear.
    High,
    /// As much as the model can.
    XHigh,
}
