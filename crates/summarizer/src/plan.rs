//! The plan of one summary: the parts of the note, an upper bound of the tokens, and the run.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use daybook_domain::{Note, Spent, SummaryLength, SummaryOptions, SummaryStatus};
use tokio::time::timeout;

use crate::calls::{Calls, ModelSummary};
use crate::limits::TokenLimits;
use crate::prompt::{OVERHEAD_BYTES, Prompt};
use crate::{Error, Model, extractive, tokens};

/// A summary that can be run. Returned by [`Summarizer::plan`](crate::Summarizer::plan).
#[derive(Debug, Clone)]
#[must_use = "a plan does nothing until it is run"]
pub struct Plan(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Provider(ProviderPlan),
    Extractive(ExtractivePlan),
}

#[derive(Debug, Clone)]
struct ExtractivePlan {
    title: String,
    content: String,
    length: SummaryLength,
}

#[derive(Debug, Clone)]
struct ProviderPlan {
    model: Arc<Model>,
    title: String,
    options: SummaryOptions,
    limits: TokenLimits,
    /// The content: one part, or several parts if it does not fit into the window.
    parts: Vec<String>,
}

/// The result of a run, and its usage. `Debug` shows the summary, so keep it out of logs.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Outcome {
    /// The summary as plain text, or the reason why there is none.
    pub result: Result<String, Error>,
    /// The model that wrote the summary, under the name that the provider reported. If there is no
    /// summary or no reported name, this is the name in the request.
    pub model: String,
    /// The provider's id of its last response.
    pub response_id: Option<String>,
    /// The usage of all calls, even if the run failed or was cancelled. The cost is `None` if the
    /// price list does not contain the model.
    pub spent: Spent,
    /// The time from the first call to the end of the last response.
    pub latency: Duration,
}

impl Outcome {
    /// Returns the status to store for this run.
    #[must_use]
    pub fn status(&self) -> SummaryStatus {
        match &self.result {
            Ok(_) => SummaryStatus::Completed,
            Err(error) => error.status(),
        }
    }
}

impl Plan {
    pub(crate) fn provider(model: Arc<Model>, note: &Note, options: SummaryOptions) -> Self {
        let title = note.title.as_str().to_owned();
        let limits = TokenLimits::new(model.window, &title);
        let parts = tokens::split(note.content.as_str(), limits.input());
        Self(Kind::Provider(ProviderPlan { model, title, options, limits, parts }))
    }

    pub(crate) fn extractive(note: &Note, length: SummaryLength) -> Self {
        let (title, content) = (note.title.as_str().to_owned(), note.content.as_str().to_owned());
        Self(Kind::Extractive(ExtractivePlan { title, content, length }))
    }

    /// Returns an upper bound of the tokens of the run, read and written together. Without a
    /// provider, it bounds the estimate that the run reports.
    ///
    /// Reserve these tokens in a budget before the run, and settle the reservation with
    /// [`Outcome::spent`].
    #[must_use]
    pub fn max_tokens(&self) -> i64 {
        match &self.0 {
            Kind::Provider(plan) => plan.max_tokens(),
            Kind::Extractive(plan) => plan.max_tokens(),
        }
    }

    /// Summarizes the note. Needs a Tokio runtime.
    ///
    /// `on_text` receives the pieces of the summary while the model writes them. Together they are
    /// the summary, except for white space at its end. After an error they are an incomplete
    /// summary.
    ///
    /// # Cancellation
    ///
    /// When `cancelled` completes, the run closes the connection to the provider and ends with
    /// [`Error::Cancelled`]. The outcome still contains the usage. Dropping the future ends the run
    /// too, but then the usage is lost. A run without a provider takes a few hundredths of a second
    /// and cannot be cancelled.
    pub async fn run(self, on_text: impl FnMut(&str), cancelled: impl Future<Output = ()>) -> Outcome {
        match self.0 {
            Kind::Provider(plan) => plan.run(on_text, cancelled).await,
            Kind::Extractive(plan) => plan.run(on_text).await,
        }
    }
}

impl ProviderPlan {
    fn prompt(&self) -> Prompt<'_> {
        Prompt { model: &self.model.name, title: &self.title, limits: self.limits }
    }

    /// Counts one token for each byte, because every model's token has at least one byte. The
    /// estimate times three is at least the number of bytes.
    fn max_tokens(&self) -> i64 {
        let (prompt, limits) = (self.prompt(), self.limits);
        let parts: usize =
            self.parts.iter().map(|part| prompt.part_bytes(part) + OVERHEAD_BYTES + limits.output()).sum();
        let mut merges = 0;
        let mut summaries = self.parts.len();
        while summaries > 1 {
            summaries = summaries.div_ceil(limits.summaries_per_merge());
            merges += summaries;
        }
        let merge = 3 * (limits.input() + limits.title()) + OVERHEAD_BYTES + limits.output();
        i64::try_from(parts + merges * merge).unwrap_or(i64::MAX)
    }

    async fn run(self, mut on_text: impl FnMut(&str), cancelled: impl Future<Output = ()>) -> Outcome {
        let started = Instant::now();
        let mut calls = Calls::new(&self.model, self.prompt());
        let result = tokio::select! {
            // A complete summary is returned even if the run is cancelled at the same time.
            biased;
            result = timeout(self.model.timeout, calls.run(&self.parts, &self.options, &mut on_text)) => {
                match result {
                    Ok(written) => written.map_err(Error::from),
                    Err(_) => Err(Error::Timeout),
                }
            }
            () = cancelled => Err(Error::Cancelled),
        };
        let (result, model, response_id) = match result {
            Ok(ModelSummary { text, model, response_id }) => (Ok(text), model, response_id),
            Err(error) => (Err(error), self.model.name.clone(), None),
        };
        let spent = calls.spent(&model);
        Outcome { result, model, response_id, spent, latency: started.elapsed() }
    }
}

impl ExtractivePlan {
    fn input_tokens(&self) -> usize {
        tokens::estimate(&self.title) + tokens::estimate(&self.content)
    }

    /// The summary consists of parts of the input, and of a space between two of them. Each space
    /// is less than a token, and so is the rounding of the estimate.
    fn max_tokens(&self) -> i64 {
        let input = self.input_tokens();
        let spaces = usize::try_from(self.length.sentences()).unwrap_or(usize::MAX);
        let output = input.saturating_add(spaces).min(extractive::TOKENS_MAX);
        i64::try_from(input.saturating_add(output)).unwrap_or(i64::MAX)
    }

    async fn run(self, mut on_text: impl FnMut(&str)) -> Outcome {
        let started = Instant::now();
        let input = self.input_tokens();
        // A long note keeps a core busy, so this code must not block a thread of the runtime.
        let Self { title, content, length } = self;
        let text = tokio::task::spawn_blocking(move || extractive::summarize(&title, &content, length)).await;
        let result = text.map_err(|_| Error::Interrupted);
        let mut spent = Spent { cost_micros: Some(0), ..Spent::default() };
        if let Ok(text) = &result {
            on_text(text);
            spent.input_tokens = i64::try_from(input).unwrap_or(i64::MAX);
            spent.output_tokens = i64::try_from(tokens::estimate(text)).unwrap_or(i64::MAX);
        }
        let model = extractive::MODEL.to_owned();
        Outcome { result, model, response_id: None, spent, latency: started.elapsed() }
    }
}

#[cfg(test)]
mod tests;
