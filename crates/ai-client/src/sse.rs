//! A decoder of server-sent events (WHATWG HTML, section 9.2) for a client that never reconnects.
//!
//! Own code: `eventsource-stream` does not limit the memory that a line or an event takes.

use crate::Error;

/// An event that has data.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SseEvent {
    /// The field `event`; empty if it is missing.
    pub(crate) name: String,
    /// The `data` fields, joined by line breaks.
    pub(crate) data: String,
}

/// Decodes chunks to events. A chunk may end at any byte.
pub(crate) struct Decoder {
    /// The incomplete line.
    line: Vec<u8>,
    // The incomplete event.
    name: String,
    data: String,
    has_data: bool,
    /// True if the last byte was a CR. A LF after it belongs to the same line break.
    after_cr: bool,
    /// True until the first line ends. That line may begin with a byte order mark.
    at_start: bool,
    /// The maximum size of an event in bytes.
    limit: usize,
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl Decoder {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            line: Vec::new(),
            name: String::new(),
            data: String::new(),
            has_data: false,
            after_cr: false,
            at_start: true,
            limit,
        }
    }

    /// Decodes a chunk and passes each event that ends in it to `on_event`.
    ///
    /// # Errors
    ///
    /// Returns [`Error::TooLarge`] if a line or an event is longer than the limit, and the errors
    /// of `on_event`. The decoder must not be used after an error.
    pub(crate) fn decode(
        &mut self,
        mut chunk: &[u8],
        mut on_event: impl FnMut(SseEvent) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if self.after_cr && chunk.first() == Some(&b'\n') {
            chunk = &chunk[1..];
            self.after_cr = false;
        }
        while let Some(end) = chunk.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
            self.extend_line(&chunk[..end])?;
            if let Some(event) = self.end_line() {
                on_event(event)?;
            }
            let is_crlf = chunk[end..].starts_with(b"\r\n");
            self.after_cr = &chunk[end..] == b"\r";
            chunk = &chunk[end + 1 + usize::from(is_crlf)..];
        }
        if !chunk.is_empty() {
            self.after_cr = false;
        }
        self.extend_line(chunk)
    }

    fn extend_line(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if bytes.len() > self.limit.saturating_sub(self.line.len() + self.data.len()) {
            return Err(Error::TooLarge { limit: self.limit, request_id: None });
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self) -> Option<SseEvent> {
        let mut line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.at_start) && line.starts_with(BYTE_ORDER_MARK) {
            line.drain(..BYTE_ORDER_MARK.len());
        }
        let event = if line.is_empty() {
            self.end_event()
        } else {
            self.add_field(&line);
            None
        };
        line.clear();
        self.line = line;
        event
    }

    /// Adds a field to the event.
    ///
    /// A comment begins with a colon, so its name is empty, and it is ignored. `id` and `retry` are
    /// ignored too, because only a client that reconnects needs them.
    fn add_field(&mut self, line: &[u8]) {
        let (name, value) = match line.iter().position(|byte| *byte == b':') {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &line[line.len()..]),
        };
        let value = String::from_utf8_lossy(value.strip_prefix(b" ").unwrap_or(value));
        match name {
            b"event" => self.name = value.into_owned(),
            b"data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push('\n');
                }
                self.data.push_str(&value);
            }
            _ => {}
        }
    }

    fn end_event(&mut self) -> Option<SseEvent> {
        let name = std::mem::take(&mut self.name);
        let data = std::mem::take(&mut self.data);
        std::mem::take(&mut self.has_data).then_some(SseEvent { name, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(chunks: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Vec<(String, String)> {
        let mut decoder = Decoder::new(1_000);
        let mut events = Vec::new();
        for chunk in chunks {
            let on_event = |event: SseEvent| {
                events.push((event.name, event.data));
                Ok(())
            };
            decoder.decode(chunk.as_ref(), on_event).unwrap();
        }
        events
    }

    fn event(name: &str, data: &str) -> (String, String) {
        (name.to_owned(), data.to_owned())
    }

    #[test]
    fn decode_reads_fields_as_the_standard_requires() {
        for (text, expected) in [
            ("data: a\n\n", vec![event("", "a")]),
            ("data:a\r\rdata: b\r\n\r\n", vec![event("", "a"), event("", "b")]),
            ("\u{feff}event: e\ndata:  a\n\n", vec![event("e", " a")]),
            ("data: a\ndata\ndata: b\n\n", vec![event("", "a\n\nb")]),
            ("data\n\n", vec![event("", "")]),
            (": ping\n\nid: 1\nretry: 5\nunknown: x\ndata: a: b\n\n", vec![event("", "a: b")]),
            // An event without data is discarded together with its name.
            ("event: e\n\ndata: a\n\n", vec![event("", "a")]),
            ("event: e\nevent: f\ndata: a\n\n", vec![event("f", "a")]),
            // An incomplete event is discarded.
            ("data: a\n", vec![]),
            ("data: a", vec![]),
            ("\n\n\r\n\r", vec![]),
        ] {
            assert_eq!(events([text]), expected, "{text:?}");
        }
    }

    #[test]
    fn decode_replaces_invalid_utf8() {
        assert_eq!(events([&b"data: \xff\n\n"[..]]), [event("", "\u{fffd}")]);
    }

    #[test]
    fn decode_accepts_chunks_that_end_at_any_byte() {
        let text =
            "\u{feff}: hi\r\nevent: e\rdata: ä🎂\ndata: z\r\n\r\ndata: 2\r\rdata: 3\n\n\r\n".as_bytes();
        let whole = events([text]);
        assert_eq!(whole, [event("e", "ä🎂\nz"), event("", "2"), event("", "3")]);
        assert_eq!(events(text.chunks(1)), whole);
        for first in 0..text.len() {
            for second in first..text.len() {
                let cuts = [&text[..first], &text[first..second], &text[second..]];
                assert_eq!(events(cuts), whole, "cut at {first} and {second}");
            }
        }
    }

    #[test]
    fn decode_rejects_a_line_or_an_event_over_the_limit() {
        let limit = 100;
        let long = "x".repeat(limit + 1);
        let lines = "data: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n".repeat(3);
        for text in [long.clone(), format!("data: {long}\n\n"), format!(":{long}"), lines] {
            for size in [1, 7, text.len()] {
                let mut decoder = Decoder::new(limit);
                let outcome =
                    text.as_bytes().chunks(size).try_for_each(|chunk| decoder.decode(chunk, |_| Ok(())));
                assert!(matches!(outcome, Err(Error::TooLarge { limit: 100, .. })), "{text:?}");
                assert!(decoder.line.capacity() <= 2 * limit, "{}", decoder.line.capacity());
            }
        }
        // The limit applies to each event, not to their sum.
        assert_eq!(events(["data: xxxxxxxxxx\n\n".repeat(1_000)]).len(), 1_000);
    }
}
