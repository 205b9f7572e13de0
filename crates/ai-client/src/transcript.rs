//! The text of a stream, from three sources: the deltas, the events that end a part, and the last
//! event.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::head::Head;
use crate::sse::SseEvent;
use crate::thoughts::{self, Thoughts};
use crate::{Content, Error, Event, OutputItem, Response, Status, decode, json, rejection};

/// Collects the text of a stream, and reads its last event.
pub(crate) struct Transcript {
    head: Head,
    /// All deltas, with thoughts.
    deltas: String,
    /// True if a delta has a form that cannot be read, so `deltas` may have gaps.
    has_gaps: bool,
    /// The texts of the parts that have ended, by the index of the item and of the part.
    done: BTreeMap<(u64, u64), String>,
    refusal: String,
    thoughts: Thoughts,
    /// The text that the caller has received.
    returned: String,
}

/// The meaning of an event.
enum Kind {
    Delta,
    /// A text, a part or an item has ended.
    Done(Done),
    Refusal,
    /// The last event. The status is that of the event's name.
    Terminal(Option<Status>),
    Error,
    Other,
}

/// What has ended.
enum Done {
    Text,
    Part,
    Item,
}

impl Transcript {
    pub(crate) fn new(head: Head) -> Self {
        Self {
            head,
            deltas: String::new(),
            has_gaps: false,
            done: BTreeMap::new(),
            refusal: String::new(),
            thoughts: Thoughts::default(),
            returned: String::new(),
        }
    }

    /// Reads an event, and adds what the caller needs to `events`. The last event adds
    /// [`Event::Completed`]. The events after it must not be read.
    ///
    /// # Errors
    ///
    /// Returns an error for an error event, and for a last event with an incomplete response.
    pub(crate) fn read(&mut self, event: &SseEvent, events: &mut Vec<Event>) -> Result<(), Error> {
        // Some servers send empty data, `[DONE]` or a word to keep the connection open.
        if !event.data.trim_start().starts_with('{') {
            return Ok(());
        }
        let data: Value = serde_json::from_str(&event.data).map_err(|error| self.head.malformed(&error))?;
        match kind(&event.name, &data) {
            Kind::Delta => {
                let delta = data.get("delta").unwrap_or(&Value::Null);
                let piece = json::text(delta).unwrap_or_default();
                self.has_gaps |= json::text(delta).is_none() && !delta.is_null();
                self.deltas.push_str(piece);
                let answer = self.thoughts.push(piece);
                self.add(answer, events);
            }
            Kind::Done(done) => self.end_part(done, &data),
            Kind::Refusal => {
                let whole = json::text_of(&data, "refusal");
                if whole.is_empty() {
                    self.refusal.push_str(json::text_of(&data, "delta"));
                } else {
                    self.refusal = whole.to_owned();
                }
            }
            Kind::Terminal(status) => self.complete(&data, status, events)?,
            Kind::Error => {
                return Err(rejection::failure(&data, Status::Failed, &self.head).error);
            }
            Kind::Other => {}
        }
        Ok(())
    }

    fn add(&mut self, text: String, events: &mut Vec<Event>) {
        if !text.is_empty() {
            self.returned.push_str(&text);
            events.push(Event::TextDelta(text));
        }
    }

    /// Stores the text of a part or of a whole item, unless a longer one is known.
    fn end_part(&mut self, done: Done, data: &Value) {
        let index = |field: &str| data.get(field).and_then(json::count).unwrap_or(0);
        let (item, part) = (index("output_index"), index("content_index"));
        let parts = match done {
            Done::Text => {
                let text = json::text_of(data, "text").to_owned();
                vec![(part, Content::OutputText { text })]
            }
            // A part without a type may belong to the reasoning.
            Done::Part => {
                match data.get("part").filter(|part| part.get("type").is_some_and(Value::is_string)) {
                    Some(whole) => vec![(part, Content::read(whole))],
                    None => Vec::new(),
                }
            }
            Done::Item => match data.get("item").map(OutputItem::read) {
                Some(OutputItem::Message { content }) => (0..).zip(content).collect(),
                _ => Vec::new(),
            },
        };
        for (part, content) in parts {
            match content {
                Content::OutputText { text } => self.store_part((item, part), text),
                Content::Refusal { refusal } => self.refusal = refusal,
                Content::Unknown => {}
            }
        }
    }

    fn store_part(&mut self, key: (u64, u64), text: String) {
        let known = self.done.entry(key).or_default();
        if text.len() > known.len() {
            *known = text;
        }
    }

    /// Reads the response of the last event, with the longest text of the three sources.
    ///
    /// The other texts are fragments, because a server can drop deltas, end a part early, or repeat
    /// only the last part.
    fn complete(
        &mut self,
        data: &Value,
        status: Option<Status>,
        events: &mut Vec<Event>,
    ) -> Result<(), Error> {
        let value = data.get("response").filter(|response| response.is_object()).unwrap_or(data);
        let mut response =
            decode::response(value, data, status, &self.head).map_err(|failure| failure.error)?;
        if !self.refusal.is_empty() {
            let message = self.head.key.sanitize(&self.refusal);
            let Response { usage, request_id, .. } = response;
            return Err(Error::Refused { message, usage, request_id });
        }
        let done: String = self.done.values().map(String::as_str).collect();
        let last = response.output_text();
        let whole = longest(&last, &done);
        let whole = longest(&whole, &self.deltas);
        // With gaps, the deltas alone are a fragment.
        if self.has_gaps && last.trim().is_empty() && thoughts::strip(&done).trim().is_empty() {
            return Err(self.head.malformed_because("a delta has an unknown form"));
        }
        if whole != last {
            response.replace_text(whole);
        }
        let response = decode::require_text(response)?;
        let text = response.output_text();
        if let Some(rest) = text.strip_prefix(&self.returned) {
            self.add(rest.to_owned(), events);
        }
        events.push(Event::Completed(response));
        Ok(())
    }
}

/// Returns the longer of two texts without thoughts. `last` has no thoughts.
///
/// A text that only has thoughts in front of the other one is not longer. Their tags may be of a
/// form that is not recognized.
fn longest(last: &str, other: &str) -> String {
    let other = thoughts::strip(other);
    let length = |text: &str| text.trim().chars().count();
    let is_leak = thoughts::contains_closing_tag(&other) && other.trim_end().ends_with(last.trim());
    if length(&other) > length(last) && (last.trim().is_empty() || !is_leak) {
        other
    } else {
        last.to_owned()
    }
}

/// Returns the meaning of an event. Its data contains its type. Most servers repeat the type as the
/// name of the event, and some only have it there.
fn kind(name: &str, data: &Value) -> Kind {
    let kind = data.get("type").and_then(Value::as_str).unwrap_or(name);
    let has_error = json::has_error(data);
    match kind {
        "response.output_text.delta" | "response.text.delta" => Kind::Delta,
        "response.output_text.done" | "response.text.done" => Kind::Done(Done::Text),
        "response.content_part.done" => Kind::Done(Done::Part),
        "response.output_item.done" => Kind::Done(Done::Item),
        "response.refusal.delta" | "response.refusal.done" => Kind::Refusal,
        "response.completed" => Kind::Terminal(Some(Status::Completed)),
        "response.incomplete" => Kind::Terminal(Some(Status::Incomplete)),
        "response.failed" => Kind::Terminal(Some(Status::Failed)),
        "response.cancelled" | "response.canceled" => Kind::Terminal(Some(Status::Cancelled)),
        "response.done" => Kind::Terminal(None),
        "error" | "response.error" => Kind::Error,
        // A proxy or a gateway sends a bare error object.
        "" | "message" if has_error && data.get("status").is_none() => Kind::Error,
        "" | "message" if data.get("object").and_then(Value::as_str) == Some("response") => {
            Kind::Terminal(None)
        }
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests;
