//! The entry points: they read JSON, forms, queries and paths.

use garde::Validate;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::error::{Error, Location, Problem};
use crate::issue::{Issue, Step};
use crate::value::{Lenient, Trace};
use crate::{json, reading, rules, sentence};

/// Reads requests into values, with the settings of a service.
///
/// Each method returns every problem of a request at once, in the order of the fields. A rule of
/// the whole struct, such as two equal passwords, is only reported if every field is valid.
///
/// ```
/// use daybook_validation::Parser;
///
/// const PARSER: Parser = Parser::new().secret_fields(&["password"]).email_fields(&["email"]);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Parser {
    secret_fields: &'static [&'static str],
    email_fields: &'static [&'static str],
    placeholders: &'static [&'static str],
}

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

impl Parser {
    /// Returns a parser without settings.
    #[must_use]
    pub const fn new() -> Self {
        Self { secret_fields: &[], email_fields: &[], placeholders: &[] }
    }

    /// Sets the names of secret fields. Their values are never repeated in an issue, at any depth.
    ///
    /// The error text of a field's own type is sent unchanged, so it must not quote the value
    /// either.
    #[must_use]
    pub const fn secret_fields(mut self, names: &'static [&'static str]) -> Self {
        self.secret_fields = names;
        self
    }

    /// Sets the names of e-mail fields. Their errors get the form of Pydantic's `EmailStr`: `value
    /// is not a valid email address: …`.
    #[must_use]
    pub const fn email_fields(mut self, names: &'static [&'static str]) -> Self {
        self.email_fields = names;
        self
    }

    /// Adds placeholders: one value that is accepted, for each type with a format of its own.
    /// Without it, the rules of the other fields are not checked if such a field cannot be read.
    ///
    /// A placeholder that is JSON is used as that JSON value, and any other placeholder as a
    /// string.
    #[must_use]
    pub const fn placeholders(mut self, values: &'static [&'static str]) -> Self {
        self.placeholders = values;
        self
    }

    /// Reads a JSON body.
    ///
    /// A valid body is parsed once, directly into the value. A body that serde_json or garde
    /// rejects is parsed again, and so is one with half a surrogate pair or deep nesting. The
    /// second parse accepts what Pydantic accepts, or finds every problem.
    ///
    /// # Errors
    ///
    /// Returns `json_invalid` for a text that is not JSON, `missing` for an empty body, and
    /// `model_attributes_type` for JSON that is not an object. Otherwise returns the problems of
    /// the fields.
    pub fn json<T>(&self, text: &[u8], context: &T::Context) -> Result<T, Vec<Issue>>
    where
        T: DeserializeOwned + Validate,
    {
        if text.is_empty() {
            return Err(vec![Issue::of_part(BODY, "missing", "Field required").with_input(Value::Null)]);
        }
        // Python's parser skips a byte order mark, too.
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        // serde would read a struct from a list of its values. Pydantic does not.
        if text.trim_ascii_start().starts_with(b"{")
            && let Ok(text) = std::str::from_utf8(text)
            && json::is_checked_when_skipped(text)
            && let Ok(value) = serde_json::from_str::<T>(text)
            && value.validate_with(context).is_ok()
        {
            return Ok(value);
        }
        match json::parse(text)? {
            Value::Object(object) => self.object(object, context),
            _ => Err(vec![self.issue(BODY, Error::object())]),
        }
    }

    /// Reads a JSON body that may be empty or `null`, like FastAPI's `body: Model | None = None`.
    ///
    /// # Errors
    ///
    /// The same as [`Parser::json`].
    pub fn optional_json<T>(&self, text: &[u8], context: &T::Context) -> Result<Option<T>, Vec<Issue>>
    where
        T: DeserializeOwned + Validate,
    {
        let json = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        if text.is_empty() || json.trim_ascii() == b"null" {
            return Ok(None);
        }
        self.json(text, context).map(Some)
    }

    /// Reads a JSON object that has been parsed already.
    ///
    /// # Errors
    ///
    /// Returns the problems of the fields.
    pub fn object<T>(&self, object: Map<String, Value>, context: &T::Context) -> Result<T, Vec<Issue>>
    where
        T: DeserializeOwned + Validate,
    {
        self.read(BODY, object, context)
    }

    /// Reads the decoded fields of a form. As in FastAPI, an empty field counts as absent. Of two
    /// fields with the same name, the last one counts.
    ///
    /// # Errors
    ///
    /// Returns the problems of the fields.
    pub fn form<T>(
        &self,
        pairs: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>,
        context: &T::Context,
    ) -> Result<T, Vec<Issue>>
    where
        T: DeserializeOwned + Validate,
    {
        let pairs = pairs.into_iter().map(|(name, value)| (name, value.into()));
        self.read(BODY, texts(pairs.filter(|(_, value)| !value.is_empty())), context)
    }

    /// Reads the decoded parameters of a query. Of two parameters with the same name, the last one
    /// counts.
    ///
    /// # Errors
    ///
    /// Returns the problems of the parameters.
    pub fn query<T>(
        &self,
        pairs: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>,
        context: &T::Context,
    ) -> Result<T, Vec<Issue>>
    where
        T: DeserializeOwned + Validate,
    {
        self.read("query", texts(pairs), context)
    }

    /// Reads one parameter of a path.
    ///
    /// # Errors
    ///
    /// Returns its problem.
    pub fn path<T: DeserializeOwned>(&self, name: &str, text: &str) -> Result<T, Vec<Issue>> {
        let value = Value::from(text);
        let location = Location::Member(&Location::Root, name);
        T::deserialize(Lenient::new(&value, &location, &Trace::default()))
            .map_err(|error| vec![self.issue("path", error.at(&location, &value))])
    }

    /// Checks that every required field of a struct accepts a placeholder. A test of the service
    /// should call this for each of its bodies.
    ///
    /// If a field accepts no placeholder, an invalid body is still rejected. But not every problem
    /// is reported at once.
    ///
    /// # Errors
    ///
    /// Returns the path of the field that accepts no placeholder.
    pub fn check_placeholders<T: DeserializeOwned>(&self) -> Result<(), Vec<Step>> {
        let reading = reading::read::<T>(Map::new(), self.placeholders);
        match (reading.value, reading.problems.last()) {
            (Some(_), _) => Ok(()),
            (None, last) => Err(last.map(|error| error.path().to_vec()).unwrap_or_default()),
        }
    }

    fn read<T>(
        &self,
        part: &'static str,
        object: Map<String, Value>,
        context: &T::Context,
    ) -> Result<T, Vec<Issue>>
    where
        T: DeserializeOwned + Validate,
    {
        let reading = reading::read::<T>(object, self.placeholders);
        let violated = rules::check(&reading, context);
        let mut problems = reading.problems;
        problems.extend(violated);
        // The value contains no placeholder only if there are no problems.
        if let Some(value) = reading.value
            && problems.is_empty()
        {
            return Ok(value);
        }
        if problems.iter().any(|problem| !problem.path().is_empty()) {
            problems.retain(|problem| !problem.path().is_empty());
        }
        problems.sort_by_key(|problem| {
            let field = problem.path().first();
            let position = reading.fields.iter().position(|name| field == Some(&Step::Name((*name).into())));
            position.unwrap_or(usize::MAX)
        });
        Err(problems.into_iter().map(|problem| self.issue(part, problem)).collect())
    }

    fn issue(&self, part: &'static str, error: Error) -> Issue {
        let mut names = error.path().iter().filter_map(|step| match step {
            Step::Name(name) => Some(name.as_ref()),
            Step::Position(_) => None,
        });
        let is_email = names.clone().next_back().is_some_and(|name| self.email_fields.contains(&name));
        let is_secret = names.any(|name| self.secret_fields.contains(&name));
        let mut issue = match &error.problem {
            Problem::Known(kind, msg) => Issue::of_part(part, *kind, *msg),
            Problem::Sentence(text) => match sentence::classify(text, error.items) {
                Some(known) => Issue::of_part(part, known.kind, known.msg).with_ctx(known.ctx),
                None if is_email => {
                    let sentence = format!("value is not a valid email address: {text}");
                    Issue::of_part(part, "value_error", sentence).with_ctx(json!({ "reason": text }))
                }
                None => Issue::of_part(part, "value_error", format!("Value error, {text}"))
                    .with_ctx(json!({ "error": {} })),
            },
        };
        issue.loc.extend_from_slice(error.path());
        issue.input = error.input.clone().filter(|_| !is_secret);
        issue
    }
}

const BODY: &str = "body";

/// Returns the pairs as an object of strings.
fn texts(pairs: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>) -> Map<String, Value> {
    pairs.into_iter().map(|(name, value)| (name.into(), Value::String(value.into()))).collect()
}
