//! Summaries without a model: the sentences of a note that say most of it.

use std::num::NonZeroU32;

use daybook_domain::{Note, SummaryLength};
use summary::Summarizer;

use super::plain::plain;

/// The model's name in a receipt.
pub(super) const MODEL: &str = "extractive";
/// Grows whenever other sentences would be picked.
pub(super) const VERSION: &str = "extractive-1";

/// How many are made at once; a long note takes some hundredths of a second.
pub(super) const AT_ONCE: usize = 4;
/// How many of one user.
pub(super) const PER_USER: usize = 2;

/// Picks sentences. Keeps a core busy: not for a thread that serves.
///
/// Stop words and stems are left alone: a note's language is not known, and words that stand in every sentence weigh little anyway.
pub(super) fn summarize(note: &Note, length: SummaryLength) -> String {
    // A heading or an item of a list is a sentence of its own.
    let content = plain_lines(&note.content);
    let count = NonZeroU32::new(length.sentences()).unwrap_or(NonZeroU32::MIN);
    let sentences = Summarizer::new_language_agnostic().summarize_sentences(&content, count);
    let text = plain(&sentences.iter().map(|sentence| sentence.trim()).collect::<Vec<_>>().join(" "));
    // A note may be nothing but its title.
    if text.is_empty() { plain(&note.title) } else { text }
}

fn plain_lines(content: &str) -> String {
    let lines = content.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}
