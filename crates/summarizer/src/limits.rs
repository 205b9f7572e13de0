//! Divides a model's context window between instructions, title, data and answer.

use crate::tokens;

/// Tokens for the instructions and the fences, and for what a server's own template adds.
pub(crate) const FRAME_TOKENS: usize = 400;

/// Tokens for a title. The domain allows 200 characters, which are estimated as at most 400 tokens
/// unless they are invisible.
const TITLE_TOKENS: usize = 450;

/// Most tokens of an answer: twelve sentences, and the reasoning before them.
const OUTPUT_TOKENS_MAX: usize = 4_000;

/// Most tokens of one part's summary that a merge reads: eight sentences are shorter.
const PART_TOKENS_MAX: usize = 700;

/// How many tokens each part of a request may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TokenLimits {
    input: usize,
    title: usize,
    output: usize,
}

impl TokenLimits {
    /// Divides a window of this many tokens, for a note with this title. A quarter of a small
    /// window is for the answer.
    pub(crate) fn new(window: usize, title: &str) -> Self {
        let output = OUTPUT_TOKENS_MAX.min(window / 4);
        let title = TITLE_TOKENS.max(tokens::estimate(title));
        Self { input: window.saturating_sub(output + FRAME_TOKENS + title), title, output }
    }

    /// Returns the limit for the content of a note, or for the summaries of its parts.
    pub(crate) fn input(self) -> usize {
        self.input
    }

    /// Returns the limit for the title.
    pub(crate) fn title(self) -> usize {
        self.title
    }

    /// Returns the limit for the answer, its reasoning included.
    pub(crate) fn output(self) -> usize {
        self.output
    }

    /// Returns the limit for the summary of one part in a merge: two always fit in one request.
    pub(crate) fn part(self) -> usize {
        PART_TOKENS_MAX.min(self.input / 3)
    }

    /// Returns how many parts' summaries one request merges. Each needs two more tokens, for the
    /// quotation marks and the comma between them.
    pub(crate) fn fan_in(self) -> usize {
        (self.input / (self.part() + 2)).max(2)
    }
}
