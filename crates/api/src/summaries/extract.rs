//! Summaries without a model: the sentences of a note that say most of it.

use std::num::NonZeroU32;

use daybook_domain::{Note, SummaryLength};
use summary::Summarizer;

use super::plain::plain;

/// The model's name in a receipt.
pub(super) const MODEL: &str = "extractive";
/// Grows whenever other sentences would be picked.
pub(super) const VERSION: &str = "extractive-1";

/// As many characters are searched for the ends of sentences at once. The search costs the square of them where signs that decide nothing follow on
/// a full stop: a note that was nothing else took minutes.
const STRETCH: usize = 500;

/// How many are made at once; a long note takes some hundredths of a second.
pub(super) const AT_ONCE: usize = 4;
/// How many of one user.
pub(super) const PER_USER: usize = 2;

/// Picks sentences. Keeps a core busy: not for a thread that serves.
///
/// Stop words and stems are left alone: a note's language is not known, and words that stand in every sentence weigh little anyway.
pub(super) fn summarize(note: &Note, length: SummaryLength) -> String {
    let content = stretches(&note.content);
    let count = NonZeroU32::new(length.sentences()).unwrap_or(NonZeroU32::MIN);
    let sentences = Summarizer::new_language_agnostic().summarize_sentences(&content, count);
    let text = plain(&sentences.iter().map(|sentence| sentence.trim()).collect::<Vec<_>>().join(" "));
    // A note may be nothing but its title.
    if text.is_empty() { plain(&note.title) } else { text }
}

/// The content in lines of [`STRETCH`] characters at the most. The end of a line ends a sentence: a heading or an item of a list is one of its own, and a
/// longer line is cut where a sentence seems to end, or a word.
fn stretches(content: &str) -> String {
    let mut lines = String::with_capacity(content.len());
    for line in content.lines().map(str::trim) {
        let mut rest = line;
        while !rest.is_empty() {
            let (stretch, after) = rest.split_at(end_of_stretch(rest));
            lines.push_str(stretch);
            lines.push('\n');
            rest = after.trim_start();
        }
    }
    lines
}

fn end_of_stretch(line: &str) -> usize {
    let Some((limit, _)) = line.char_indices().nth(STRETCH) else { return line.len() };
    let last = |end: &&str| line[..limit].rfind(*end).map(|at| at + end.len());
    let sentence = [". ", "! ", "? ", "。"].iter().filter_map(last).max();
    sentence.or_else(|| last(&" ")).unwrap_or(limit)
}

#[cfg(test)]
mod tests {
    use daybook_domain::{NoteId, Timestamp};

    use super::*;

    fn summary(content: &str) -> String {
        let (created_at, updated_at) = (Timestamp::EPOCH, Timestamp::EPOCH);
        let note = Note {
            id: NoteId(1),
            title: "Title".into(),
            content: content.into(),
            created_at,
            updated_at,
            summary: None,
        };
        summarize(&note, SummaryLength::Short)
    }

    #[test]
    fn a_long_paragraph_is_cut_between_sentences() {
        let paragraph = "The fence needs paint. ".repeat(100) + "Is it dry? " + &"word ".repeat(200);
        let lines = stretches(&paragraph);
        assert!(lines.lines().all(|line| line.chars().count() <= STRETCH), "{lines}");
        assert_eq!(lines.replace(['\n', ' '], ""), paragraph.replace(' ', ""));
        assert!(lines.lines().take(3).all(|line| line.ends_with(". ")), "{lines}");
        let (short, cjk) = ("One.\n\n  - Two\r\nThree", "日本語。".repeat(500));
        assert_eq!(stretches(short), "One.\n- Two\nThree\n");
        assert!(stretches(&cjk).lines().all(|line| line.ends_with('。')));
    }

    /// Each of these took minutes and more.
    #[test]
    fn what_hides_the_end_of_a_sentence_costs_little() {
        for sign in [" ", ")", "\"", "\u{301}", "\u{345}", " )", "\u{ad}", "\u{a0}", "1", ".", ". )"] {
            let hostile = format!("a.{}b", sign.repeat(100_000 / sign.chars().count() - 3));
            assert!(!summary(&hostile).is_empty(), "{sign:?}");
            let ended = format!("a.{}", "\u{2003}".repeat(90_000));
            assert_eq!(summary(&ended), "a.");
        }
        assert_eq!(summary(" \n\t"), "Title");
    }
}
