//! Removes the thoughts of a reasoning model from the beginning of its text.
//!
//! Servers that do not know the format of a model send its thoughts as a part of the text:
//! `<think>The user wants…</think>The answer.`

/// The tags around thoughts.
const TAGS: [(&str, &str); 2] = [("<think>", "</think>"), ("<thinking>", "</thinking>")];

/// Removes thoughts from a text that arrives in pieces. A tag may be split between them.
#[derive(Default)]
pub(crate) struct Thoughts {
    state: State,
    /// The text that may be the beginning of a tag.
    held: String,
    has_removed: bool,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The answer has not begun.
    #[default]
    Before,
    /// Within thoughts that end with this tag.
    Within(&'static str),
    Answer,
}

impl Thoughts {
    /// Returns the part of the answer that is known after this piece.
    pub(crate) fn push(&mut self, piece: &str) -> String {
        if self.state == State::Answer {
            return piece.to_owned();
        }
        self.held.push_str(piece);
        loop {
            match self.state {
                State::Before => {
                    let start = self.held.trim_start();
                    let opened = TAGS.iter().find(|(open, _)| begins_with(start, open));
                    let closed = TAGS.iter().find(|(_, close)| begins_with(start, close));
                    if let Some((open, close)) = opened {
                        self.held = start[open.len()..].to_owned();
                        self.state = State::Within(close);
                    } else if let Some((_, close)) = closed {
                        self.held = start[close.len()..].to_owned();
                    } else if TAGS
                        .iter()
                        .any(|(open, close)| begins_with(open, start) || begins_with(close, start))
                    {
                        return String::new();
                    } else {
                        self.state = State::Answer;
                        return self.take_held();
                    }
                    self.has_removed = true;
                }
                State::Within(close) => match find(&self.held, close) {
                    Some(at) => {
                        self.held.drain(..at + close.len());
                        self.state = State::Before;
                    }
                    None => {
                        // Only the end of the text can be the beginning of the tag.
                        let mut kept = self.held.len().saturating_sub(close.len());
                        while !self.held.is_char_boundary(kept) {
                            kept -= 1;
                        }
                        self.held.drain(..kept);
                        return String::new();
                    }
                },
                State::Answer => return self.take_held(),
            }
        }
    }

    /// Returns the rest of the answer, after the last piece.
    pub(crate) fn finish(&mut self) -> String {
        match self.state {
            State::Within(_) => String::new(),
            State::Before | State::Answer => self.take_held(),
        }
    }

    /// Returns the held text, without the white space between thoughts and the answer.
    fn take_held(&mut self) -> String {
        let held = std::mem::take(&mut self.held);
        if self.has_removed { held.trim_start().to_owned() } else { held }
    }
}

/// Returns a whole text without its thoughts.
///
/// If the server has removed the opening tag, the thoughts end with a closing tag on a line of its
/// own.
pub(crate) fn strip(text: &str) -> String {
    let mut thoughts = Thoughts::default();
    let answer = thoughts.push(text) + &thoughts.finish();
    if thoughts.has_removed {
        return answer;
    }
    let closing = TAGS.iter().find_map(|(open, close)| {
        let at = find(text, close).filter(|at| find(&text[..*at], open).is_none())?;
        let (before, after) = (&text[..at], &text[at + close.len()..]);
        let is_line = before.ends_with('\n') && (after.is_empty() || after.starts_with(['\n', '\r']));
        is_line.then(|| strip(after.trim_start()))
    });
    closing.unwrap_or(answer)
}

fn begins_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|text| text.eq_ignore_ascii_case(start))
}

/// Returns the position of a tag, without regard to case.
fn find(text: &str, tag: &str) -> Option<usize> {
    text.match_indices('<').map(|(at, _)| at).find(|at| begins_with(&text[*at..], tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASES: [(&str, &str); 16] = [
        ("The pump costs ninety euros.", "The pump costs ninety euros."),
        ("<think>The user wants…</think>The pump costs ninety euros.", "The pump costs ninety euros."),
        ("\n<think>\nThe user\n</think>\n\nMilk.", "Milk."),
        ("<think></think>Milk.", "Milk."),
        ("<THINK>a</Think> Milk.", "Milk."),
        ("<thinking>a < b</thinking>Milk.", "Milk."),
        ("<think>a</think><think>b</think>Milk.", "Milk."),
        ("</think>\nMilk.", "Milk."),
        ("<think>a", ""),
        ("<think>a</thi", ""),
        ("<thi", "<thi"),
        ("<", "<"),
        (" <b>Milk</b>", " <b>Milk</b>"),
        ("Milk <think>a</think>", "Milk <think>a</think>"),
        ("<thinker>Milk", "<thinker>Milk"),
        ("<think>ä🎂</think>ä🎂", "ä🎂"),
    ];

    #[test]
    fn strip_removes_thoughts_before_the_answer_only() {
        for (text, answer) in CASES {
            assert_eq!(strip(text), answer, "{text}");
        }
    }

    #[test]
    fn strip_removes_thoughts_without_an_opening_tag() {
        assert_eq!(strip("The user wants…\n</think>\n\nMilk."), "Milk.");
        let mention = "The tag </think> ends the thoughts.";
        assert_eq!(strip(mention), mention);
    }

    #[test]
    fn push_accepts_pieces_that_end_at_any_character() {
        for (text, answer) in CASES {
            for size in 1..=text.chars().count() {
                let characters: Vec<char> = text.chars().collect();
                let mut thoughts = Thoughts::default();
                let mut found = String::new();
                for piece in characters.chunks(size) {
                    found += &thoughts.push(&piece.iter().collect::<String>());
                }
                found += &thoughts.finish();
                assert_eq!(found, answer, "{text} in pieces of {size}");
            }
        }
    }

    #[test]
    fn push_keeps_no_thoughts_in_memory() {
        let mut thoughts = Thoughts::default();
        thoughts.push("<think>");
        for _ in 0..1_000 {
            thoughts.push(&"x".repeat(100));
            assert!(thoughts.held.len() <= 110, "{}", thoughts.held.len());
        }
    }
}
