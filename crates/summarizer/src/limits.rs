//! Divides a model's context window between instructions, title, note and response.

use crate::tokens;

/// The tokens for the instructions and the fences, and for the server's own template.
pub(crate) const OVERHEAD_TOKENS: usize = 400;

/// The minimum number of tokens for a title. The domain allows 200 characters. They are estimated
/// as at most 400 tokens unless they are invisible.
const TITLE_TOKENS: usize = 450;

/// The maximum number of tokens of a response: twelve sentences, and the reasoning before them.
const OUTPUT_TOKENS_MAX: usize = 4_000;

/// The maximum number of tokens that a merge reads of one part's summary. Eight sentences are
/// shorter.
const PART_TOKENS_MAX: usize = 700;

/// The maximum number of tokens of each part of a request and of its response.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TokenLimits {
    input: usize,
    title: usize,
    output: usize,
}

impl TokenLimits {
    /// Divides a window of this many tokens, for a note with this title. A quarter of a small
    /// window is for the response.
    pub(crate) fn new(window: usize, title: &str) -> Self {
        let output = OUTPUT_TOKENS_MAX.min(window / 4);
        let title = TITLE_TOKENS.max(tokens::estimate(title));
        Self { input: window.saturating_sub(output + OVERHEAD_TOKENS + title), title, output }
    }

    /// Returns the limit for the content of a note, or for the summaries of its parts.
    pub(crate) fn input(self) -> usize {
        self.input
    }

    /// Returns the limit for the title.
    pub(crate) fn title(self) -> usize {
        self.title
    }

    /// Returns the limit for the response, including its reasoning.
    pub(crate) fn output(self) -> usize {
        self.output
    }

    /// Returns the limit for the summary of one part in a merge. Two such summaries always fit in
    /// one request.
    pub(crate) fn part(self) -> usize {
        PART_TOKENS_MAX.min(self.input / 3)
    }

    /// Returns the number of summaries that one request merges. Each of them needs two more tokens,
    /// for its quotation marks and the comma.
    pub(crate) fn summaries_per_merge(self) -> usize {
        (self.input / (self.part() + 2)).max(2)
    }
}
