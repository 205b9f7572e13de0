//! What is said to the provider for one summary, and what that took.

use daybook_ai_client::{Error, Event, Request, Response, Usage};
use daybook_persistence::Spent;

use super::flight::Flight;
use super::plain::{Plain, plain};
use super::prompt::{self, Plan, Room};
use super::{Job, Model};

/// A summary that was written.
pub(super) struct Written {
    pub(super) text: String,
    pub(super) model: String,
    pub(super) response_id: Option<String>,
}

/// The calls of one summary.
pub(super) struct Talk<'a> {
    model: &'a Model,
    spent: Spent,
    /// Of a question that has not been answered.
    unanswered: Option<Unanswered>,
}

/// What a model may have used for a question without telling, in tokens: its thoughts are never seen.
#[derive(Clone, Copy)]
struct Unanswered {
    input: usize,
    /// As much as it was allowed to write.
    output: usize,
}

/// A name that a provider gives to something is no longer than this, in characters.
const NAME_MAX: usize = 200;

/// More tokens than this in one call are no count of anything: there is no window of the size.
const TOKENS_MAX: u64 = 1_000_000_000;

impl<'a> Talk<'a> {
    pub(super) fn new(model: &'a Model) -> Self {
        Self { model, spent: Spent::default(), unanswered: None }
    }

    /// Asks for a summary of the note: in one call, or part by part and then together. The text of the last call is passed on as it is written.
    pub(super) async fn about(&mut self, job: &Job, plan: &Plan, flight: &Flight) -> Result<Written, Error> {
        let (name, note, options, room) = (&self.model.name, &job.note, &job.key.options, plan.room);
        let count = plan.parts.len();
        if count == 1 {
            let request = prompt::of_note(name, note, options, room);
            return self.stream(&request, room, flight).await;
        }
        let mut summaries = Vec::with_capacity(count);
        for (index, part) in plan.parts.iter().enumerate() {
            let request = prompt::of_part(name, note, part, (index + 1, count), room);
            summaries.push(self.create(&request, room).await?);
        }
        while summaries.len() > room.fan_in() {
            let mut merged = Vec::with_capacity(summaries.len().div_ceil(room.fan_in()));
            for group in summaries.chunks(room.fan_in()) {
                let request = prompt::of_parts(name, note, group, None, room);
                merged.push(self.create(&request, room).await?);
            }
            summaries = merged;
        }
        self.stream(&prompt::of_parts(name, note, &summaries, Some(options), room), room, flight).await
    }

    /// What all calls took: as the provider told it, and of an answer that never ended, the most that it may have been.
    pub(super) fn bill(&self, model: &str) -> Spent {
        let mut spent = self.spent;
        if let Some(Unanswered { input, output }) = self.unanswered {
            spent.input_tokens = spent.input_tokens.saturating_add(count(input));
            spent.output_tokens = spent.output_tokens.saturating_add(count(output));
        }
        // A server may answer with a name of its own for the model that was asked.
        let prices = &self.model.prices;
        let cost = prices.cost_micros(model, &spent);
        spent.cost_micros = cost.or_else(|| prices.cost_micros(&self.model.name, &spent));
        spent
    }

    async fn create(&mut self, request: &Request, room: Room) -> Result<String, Error> {
        self.ask(request, room);
        let outcome = self.model.client.create(request).await;
        self.hear(&outcome);
        let response = outcome?;
        text_of(&response)
    }

    async fn stream(&mut self, request: &Request, room: Room, flight: &Flight) -> Result<Written, Error> {
        self.ask(request, room);
        let outcome = self.listen(request, flight).await;
        self.hear(&outcome);
        let response = outcome?;
        let text = text_of(&response)?;
        // Servers of local models leave the name out now and then.
        let model = name_of(&response.model).unwrap_or_else(|| self.model.name.clone());
        Ok(Written { text, model, response_id: name_of(&response.id) })
    }

    async fn listen(&self, request: &Request, flight: &Flight) -> Result<Response, Error> {
        let mut stream = self.model.client.stream(request).await?;
        let mut text = Plain::default();
        while let Some(event) = stream.next().await {
            match event? {
                Event::TextDelta(piece) => flight.push(&text.next(&piece)),
                Event::Completed(response) => return Ok(response),
                _ => {}
            }
        }
        Err(Error::Empty { usage: None, request_id: None })
    }

    fn ask(&mut self, request: &Request, room: Room) {
        self.spent.calls += 1;
        self.unanswered = Some(Unanswered { input: prompt::tokens_in(request), output: room.output() });
    }

    fn hear(&mut self, outcome: &Result<Response, Error>) {
        let usage = match outcome {
            Ok(response) => response.usage,
            Err(
                Error::Incomplete { usage, .. } | Error::Empty { usage, .. } | Error::Refused { usage, .. },
            ) => *usage,
            Err(error) => {
                if never_reached_a_model(error) {
                    self.spent.calls -= 1;
                    self.unanswered = None;
                }
                None
            }
        };
        let possible = |usage: &Usage| usage.input_tokens.max(usage.output_tokens) <= TOKENS_MAX;
        match (usage.filter(possible), outcome) {
            (Some(Usage { input_tokens, output_tokens, .. }), _) => {
                self.book(input_tokens, output_tokens);
            }
            // A server that counts nothing.
            (None, Ok(response)) => {
                let input = self.unanswered.map_or(0, |question| question.input);
                let output = prompt::tokens_of(&response.output_text());
                self.book(input as u64, output as u64);
            }
            (None, Err(_)) => {}
        }
    }

    fn book(&mut self, input_tokens: u64, output_tokens: u64) {
        let add = |sum: &mut i64, tokens: u64| {
            *sum = sum.saturating_add(i64::try_from(tokens).unwrap_or(i64::MAX));
        };
        add(&mut self.spent.input_tokens, input_tokens);
        add(&mut self.spent.output_tokens, output_tokens);
        self.unanswered = None;
    }
}

/// Whether the provider turned the request away before any work.
fn never_reached_a_model(error: &Error) -> bool {
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

/// The text of an answer, made plain. One of which nothing is left then is none.
fn text_of(response: &Response) -> Result<String, Error> {
    let text = plain(&response.output_text());
    if text.is_empty() {
        return Err(Error::Empty { usage: response.usage, request_id: response.request_id.clone() });
    }
    Ok(text)
}

/// What a provider calls something; none if it is nothing or no name.
fn name_of(text: &str) -> Option<String> {
    let name = plain(text);
    Some(name).filter(|name| !name.is_empty() && name.chars().nth(NAME_MAX).is_none())
}

fn count(tokens: usize) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}
