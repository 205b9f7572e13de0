//! Runs the calls of one summary: the parts, their merges and the final call. Counts tokens and
//! cost.

use daybook_ai_client::{Error, Event, Request, Response, Usage};
use daybook_domain::{Spent, SummaryOptions};

use crate::prompt::{self, Prompt};
use crate::sanitize::{Sanitizer, sanitize};
use crate::{Model, tokens};

/// The summary that the last call returned.
#[derive(Debug)]
pub(crate) struct ModelSummary {
    pub(crate) text: String,
    pub(crate) model: String,
    pub(crate) response_id: Option<String>,
}

/// The calls of one summary, and their usage so far.
pub(crate) struct Calls<'a> {
    model: &'a Model,
    prompt: Prompt<'a>,
    spent: Spent,
    /// The call that has no complete response, if there is one.
    pending: Option<Pending>,
}

/// The maximum usage of a call if the provider does not report it. Reasoning is not visible, so the
/// output counts with the limit of the request.
#[derive(Debug, Clone, Copy)]
struct Pending {
    input: usize,
    output: usize,
    /// True if the model has written text.
    has_begun: bool,
}

/// The maximum length in characters of the provider's name for a model or a response.
const NAME_MAX: usize = 200;

/// The maximum number of tokens that a provider can report for one call. No model has a window of
/// this size, and a larger number could overflow sums in the database.
const TOKENS_MAX: u64 = 1_000_000_000;

impl<'a> Calls<'a> {
    pub(crate) fn new(model: &'a Model, prompt: Prompt<'a>) -> Self {
        Self { model, prompt, spent: Spent::default(), pending: None }
    }

    /// Summarizes a note with one call. If there are several parts, summarizes each part and merges
    /// the summaries.
    ///
    /// The text of the last call is passed to `on_text` while the model writes it. If the future is
    /// dropped, [`Calls::spent`] includes the pending call.
    pub(crate) async fn run(
        &mut self,
        parts: &[String],
        options: &SummaryOptions,
        on_text: &mut impl FnMut(&str),
    ) -> Result<ModelSummary, Error> {
        let prompt = self.prompt;
        if let [content] = parts {
            return self.stream(&prompt.note(content, options), on_text).await;
        }
        let mut summaries = Vec::with_capacity(parts.len());
        for (index, part) in parts.iter().enumerate() {
            summaries.push(self.create(&prompt.part(part, index + 1, parts.len())).await?);
        }
        let summaries_per_merge = prompt.limits.summaries_per_merge();
        while summaries.len() > summaries_per_merge {
            let mut merged = Vec::with_capacity(summaries.len().div_ceil(summaries_per_merge));
            for group in summaries.chunks(summaries_per_merge) {
                merged.push(self.create(&prompt.merge(group, None)).await?);
            }
            summaries = merged;
        }
        self.stream(&prompt.merge(&summaries, Some(options)), on_text).await
    }

    /// Returns the usage of all calls: the reported one, or an upper bound for a call without a
    /// complete response. The cost uses the price of `model`, the name that the provider reported.
    pub(crate) fn spent(&self, model: &str) -> Spent {
        let mut spent = self.spent;
        if let Some(Pending { input, output, .. }) = self.pending {
            spent.input_tokens = spent.input_tokens.saturating_add(to_i64(input));
            spent.output_tokens = spent.output_tokens.saturating_add(to_i64(output));
        }
        // The server's name of the model may differ from the name in the request and in the price
        // list.
        let prices = &self.model.prices;
        let cost = prices.cost_micros(model, &spent);
        spent.cost_micros = cost.or_else(|| prices.cost_micros(&self.model.name, &spent));
        spent
    }

    async fn create(&mut self, request: &Request) -> Result<String, Error> {
        self.begin_call(request);
        let outcome = self.model.client.create(request).await;
        self.end_call(&outcome);
        text_of(&outcome?)
    }

    async fn stream(
        &mut self,
        request: &Request,
        on_text: &mut impl FnMut(&str),
    ) -> Result<ModelSummary, Error> {
        self.begin_call(request);
        let outcome = self.read_stream(request, on_text).await;
        self.end_call(&outcome);
        let response = outcome?;
        let text = text_of(&response)?;
        // Some local servers do not report the name of the model.
        let model = sanitized_name(&response.model).unwrap_or_else(|| self.model.name.clone());
        Ok(ModelSummary { text, model, response_id: sanitized_name(&response.id) })
    }

    async fn read_stream(
        &mut self,
        request: &Request,
        on_text: &mut impl FnMut(&str),
    ) -> Result<Response, Error> {
        let mut stream = self.model.client.stream(request).await?;
        let mut sanitizer = Sanitizer::default();
        while let Some(event) = stream.next().await {
            match event? {
                Event::TextDelta(piece) => {
                    self.pending = self.pending.map(|pending| Pending { has_begun: true, ..pending });
                    let text = sanitizer.push(&piece);
                    if !text.is_empty() {
                        on_text(&text);
                    }
                }
                Event::Completed(response) => return Ok(response),
                _ => {}
            }
        }
        Err(Error::Empty { usage: None, request_id: None })
    }

    fn begin_call(&mut self, request: &Request) {
        self.spent.calls += 1;
        let output = self.prompt.limits.output();
        self.pending = Some(Pending { input: prompt::estimate(request), output, has_begun: false });
    }

    /// Charges the usage that the provider reported. Without a report the call stays pending,
    /// unless the response is complete or the provider did no work.
    fn end_call(&mut self, outcome: &Result<Response, Error>) {
        let usage = match outcome {
            Ok(response) => response.usage,
            Err(
                Error::Incomplete { usage, .. } | Error::Empty { usage, .. } | Error::Refused { usage, .. },
            ) => *usage,
            Err(error) => {
                // A stream can end with a rate limit after the model has written text.
                if used_no_tokens(error) && self.pending.is_none_or(|pending| !pending.has_begun) {
                    self.spent.calls -= 1;
                    self.pending = None;
                }
                None
            }
        };
        let is_possible = |usage: &Usage| usage.input_tokens.max(usage.output_tokens) <= TOKENS_MAX;
        match (usage.filter(is_possible), outcome) {
            (Some(Usage { input_tokens, output_tokens, .. }), _) => {
                self.charge(input_tokens, output_tokens);
            }
            // Some servers report no usage.
            (None, Ok(response)) => {
                let input = self.pending.map_or(0, |pending| pending.input);
                let output = tokens::estimate(&response.output_text());
                self.charge(input as u64, output as u64);
            }
            (None, Err(_)) => {}
        }
    }

    fn charge(&mut self, input_tokens: u64, output_tokens: u64) {
        let add = |sum: &mut i64, tokens: u64| {
            *sum = sum.saturating_add(i64::try_from(tokens).unwrap_or(i64::MAX));
        };
        add(&mut self.spent.input_tokens, input_tokens);
        add(&mut self.spent.output_tokens, output_tokens);
        self.pending = None;
    }
}

/// Returns true if the provider rejected the request before a model did any work.
fn used_no_tokens(error: &Error) -> bool {
    matches!(
        error,
        Error::Config { .. }
            | Error::Unauthorized { .. }
            | Error::RateLimited { .. }
            | Error::QuotaExceeded { .. }
            | Error::InvalidRequest { .. }
            | Error::Unavailable { .. }
            | Error::Connect { .. }
            | Error::Redirected { .. }
    )
}

/// Returns the sanitized text of a response, or [`Error::Empty`] if all of it was removed.
fn text_of(response: &Response) -> Result<String, Error> {
    let text = sanitize(&response.output_text());
    if text.is_empty() {
        return Err(Error::Empty { usage: response.usage, request_id: response.request_id.clone() });
    }
    Ok(text)
}

/// Returns the sanitized name, or `None` if it is empty or too long.
fn sanitized_name(text: &str) -> Option<String> {
    let name = sanitize(text);
    Some(name).filter(|name| !name.is_empty() && name.chars().nth(NAME_MAX).is_none())
}

fn to_i64(tokens: usize) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}
