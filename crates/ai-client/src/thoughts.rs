//! Removes the thoughts of a reasoning model from the beginning of its text.
//!
//! Servers that do not know the format of a model send its thoughts as a part of the text:
//! `<think>The user wants…</think>The answer.`

/// The tags around thoughts.
const TAGS: [(&str, &str); 2] = [("<think>", "</think>"), ("<thinking>", "</thinking>")];

/// More white space at the start of a text, in bytes, is not followed by thoughts. It is not held.
const WHITE_SPACE_MAX: usize = 1_024;

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
        let text = std::mem::take(&mut self.held);
        let mut rest = text.as_str();
        loop {
            match self.state {
                State::Before => match leading_tag(rest) {
                    Tag::Open(close, behind) => (self.state, rest) = (State::Within(close), behind),
                    Tag::Close(behind) => rest = behind,
                    Tag::Incomplete => {
                        self.held = rest.to_owned();
                        return String::new();
                    }
                    Tag::None => {
                        self.state = State::Answer;
                        break;
                    }
                },
                State::Within(close) => match find(rest, close) {
                    Some(at) => (self.state, rest) = (State::Before, &rest[at + close.len()..]),
                    None => {
                        // Only the end of the text can be the beginning of the tag.
                        let mut kept = rest.len().saturating_sub(close.len());
                        while !rest.is_char_boundary(kept) {
                            kept -= 1;
                        }
                        self.held = rest[kept..].to_owned();
                        return String::new();
                    }
                },
                State::Answer => break,
            }
            self.has_removed = true;
        }
        self.without_white_space(rest)
    }

    /// Returns the rest of the answer, after the last piece.
    pub(crate) fn finish(&mut self) -> String {
        let held = std::mem::take(&mut self.held);
        match self.state {
            State::Within(_) => String::new(),
            State::Before | State::Answer => self.without_white_space(&held),
        }
    }

    /// Removes the white space between thoughts and the answer.
    fn without_white_space(&self, answer: &str) -> String {
        if self.has_removed { answer.trim_start().to_owned() } else { answer.to_owned() }
    }
}

/// The tag at the start of a text, and the text behind it.
enum Tag<'a> {
    /// An opening tag. The first text is the tag that closes it.
    Open(&'static str, &'a str),
    Close(&'a str),
    /// The text may be the beginning of a tag.
    Incomplete,
    None,
}

/// Returns true if a text has a tag that closes thoughts.
pub(crate) fn contains_closing_tag(text: &str) -> bool {
    TAGS.iter().any(|(_, close)| find(text, close).is_some())
}

fn leading_tag(text: &str) -> Tag<'_> {
    // A byte order mark and a zero width space are as invisible as white space.
    let start = text.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}'));
    if text.len() - start.len() > WHITE_SPACE_MAX {
        return Tag::None;
    }
    for (open, close) in TAGS {
        if begins_with(start, open) {
            return Tag::Open(close, &start[open.len()..]);
        }
        if begins_with(start, close) {
            return Tag::Close(&start[close.len()..]);
        }
    }
    let is_incomplete =
        TAGS.iter().any(|(open, close)| begins_with(open, start) || begins_with(close, start));
    if is_incomplete { Tag::Incomplete } else { Tag::None }
}

/// Returns a whole text without its thoughts.
///
/// If the server has removed the opening tag, the thoughts end with the last closing tag that is on
/// a line of its own.
pub(crate) fn strip(text: &str) -> String {
    let mut thoughts = Thoughts::default();
    let answer = thoughts.push(text) + &thoughts.finish();
    if thoughts.has_removed {
        return answer;
    }
    match end_of_unopened(text) {
        Some(end) => text[end..].trim_start().to_owned(),
        None => answer,
    }
}

/// Returns the end of the last closing tag on a line of its own, before any opening tag.
fn end_of_unopened(text: &str) -> Option<usize> {
    let tags = || text.match_indices('<').map(|(at, _)| at);
    let is_open = |at: &usize| TAGS.iter().any(|(open, _)| begins_with(&text[*at..], open));
    let ends = tags().take_while(|at| !is_open(at)).filter_map(|at| {
        let (_, close) = TAGS.iter().find(|(_, close)| begins_with(&text[at..], close))?;
        let (before, after) = (&text[..at], &text[at + close.len()..]);
        let after = after.trim_start_matches([' ', '\t']);
        let is_line = before.ends_with('\n') && (after.is_empty() || after.starts_with(['\n', '\r']));
        is_line.then_some(at + close.len())
    });
    ends.last()
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

    const CASES: [(&str, &str); 17] = [
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
        ("\u{feff}\u{200b}<think>a</think>Milk.", "Milk."),
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
        assert_eq!(strip("The user wants…\n</think> \nMilk."), "Milk.");
        assert_eq!(strip("a\n</think>\nb\n</think>\nMilk."), "Milk.");
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

    /// A recursive or quadratic search would take the stack or minutes.
    #[test]
    fn strip_takes_little_time_for_many_tags() {
        for tag in ["<think></think>", "</think>", "<think>", "\n</think>\n", "x\n</think>\n", "<", " "] {
            let text = tag.repeat(1_000_000 / tag.len()) + "Milk";
            let expected = if tag == "<think>" { "" } else { "Milk" };
            assert!(strip(&text).ends_with(expected), "{tag}");
        }
    }

    #[test]
    fn push_holds_little_white_space() {
        let mut thoughts = Thoughts::default();
        let found: String = (0..100_000).map(|_| thoughts.push(" ")).collect();
        assert!(found.len() > 90_000, "{}", found.len());
    }
}
