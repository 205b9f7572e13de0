//! The text of a stream, from three sources: the deltas, the events that end a part, and the last
//! event.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::head::Head;
use crate::sse::SseEvent;
use crate::thoughts::{self, Thoughts};
use crate::{Content, Error, Event, OutputItem, Status, decode, json, rejection};

/// Collects the text of a stream, and reads its last event.
pub(crate) struct Transcript {
    head: Head,
    /// All deltas, with thoughts.
    deltas: String,
    /// The texts of the parts that have ended, by the index of the item and of the part.
    done: BTreeMap<(u64, u64), String>,
    refusal: String,
    thoughts: Thoughts,
    /// The text that the caller has received.
    returned: String,
}

/// What an event means.
enum Kind {
    Delta,
    /// A text, a part or an item has ended.
    Done,
    Refusal,
    /// The last event. The status is that of the event's name.
    Terminal(Option<Status>),
    Error,
    Other,
}

impl Transcript {
    pub(crate) fn new(head: Head) -> Self {
        Self {
            head,
            deltas: String::new(),
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
                let piece = data.get("delta").and_then(json::text).unwrap_or_default();
                self.deltas.push_str(piece);
                let answer = self.thoughts.push(piece);
                self.add(answer, events);
            }
            Kind::Done => self.end_part(&data),
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
                let error = data.get("error").filter(|error| !error.is_null()).unwrap_or(&data);
                return Err(rejection::failure(error, Status::Failed, &self.head).error);
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
    fn end_part(&mut self, data: &Value) {
        let index = |field: &str| data.get(field).and_then(json::count).unwrap_or(0);
        let (item, part) = (index("output_index"), index("content_index"));
        if let Some(whole) = data.get("item") {
            let OutputItem::Message { content } = OutputItem::read(whole) else { return };
            let texts = content.iter().enumerate().filter_map(|(index, part)| match part {
                Content::OutputText { text } => Some((index as u64, text.clone())),
                _ => None,
            });
            for (part, text) in texts {
                self.store_part((item, part), text);
            }
        } else if let Some(Content::OutputText { text }) = data.get("part").map(Content::read) {
            self.store_part((item, part), text);
        } else {
            self.store_part((item, part), json::text_of(data, "text").to_owned());
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
        let done: String = self.done.values().map(String::as_str).collect();
        let last = response.output_text();
        let length = |text: &String| text.trim().chars().count();
        let others = [thoughts::strip(&done), thoughts::strip(&self.deltas)];
        let longest = others.into_iter().fold(last.clone(), |longest, other| {
            if length(&other) > length(&longest) { other } else { longest }
        });
        if longest != last {
            response.replace_text(longest);
        }
        let refusal = Some(self.head.key.sanitize(&self.refusal)).filter(|refusal| !refusal.is_empty());
        let response = decode::require_text(response, refusal)?;
        let text = response.output_text();
        if let Some(rest) = text.strip_prefix(&self.returned) {
            self.add(rest.to_owned(), events);
        }
        events.push(Event::Completed(response));
        Ok(())
    }
}

/// Returns what an event means. Its data contains its type. Most servers repeat the type as the
/// name of the event, and some only have it there.
fn kind(name: &str, data: &Value) -> Kind {
    let kind = data.get("type").and_then(Value::as_str).unwrap_or(name);
    let has_error = data.get("error").is_some_and(|error| !error.is_null());
    match kind {
        "response.output_text.delta" | "response.text.delta" => Kind::Delta,
        "response.output_text.done"
        | "response.text.done"
        | "response.content_part.done"
        | "response.output_item.done" => Kind::Done,
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
