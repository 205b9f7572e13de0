//! Summaries of notes: who may have one made, how it is made, and what it cost. Each is made once, however many wait for it.

mod extract;
mod failure;
mod flight;
mod making;
mod plain;
mod price;
mod prompt;
mod talk;

use std::time::Duration;

use daybook_ai_client::Client;
use daybook_domain::{Note, SummaryOptions, UserId};
use daybook_persistence::{Budget, SummaryKey};

pub(crate) use self::failure::Failure;
pub(crate) use self::flight::Progress;
use self::flight::{FlightKey, Flights, Watch};
pub(crate) use self::price::Prices;
use crate::config::{Provider, SummarizerConfig};
use crate::error::ApiError;
use crate::seats::{Seat, Seats};
use crate::state::State;

/// Longest time of a summary, all of its calls together: a long note in a small model's window takes some dozens.
const DEADLINE: Duration = Duration::from_secs(5 * 60);

/// Makes summaries.
#[derive(Clone)]
pub(crate) struct Summaries {
    way: Way,
    flights: Flights,
    /// For those that are being made.
    seats: Seats,
    /// For those who wait for them.
    waiting: Seats,
}

/// Somebody who waits for a summary.
pub(crate) struct Waiter {
    pub(crate) watch: Watch,
    _seat: Seat,
}

/// So many requests of one user may wait for summaries at once, and so many of all. A wait is long, and costs a socket and what is written meanwhile.
const WAITING_PER_USER: usize = 64;
const WAITING: usize = 2_048;

/// How they are made.
#[derive(Clone)]
enum Way {
    Provider(Model),
    Extractive,
    Off,
}

/// A model of a provider.
#[derive(Clone)]
struct Model {
    client: Client,
    name: String,
    /// How many tokens it can read and write at once.
    window: usize,
    prices: Prices,
    budget: Budget,
}

/// A summary that somebody wants.
struct Job {
    user: UserId,
    note: Note,
    key: SummaryKey,
}

impl Summaries {
    pub(crate) fn new(config: &SummarizerConfig) -> Result<Self, daybook_ai_client::Error> {
        let (way, seats) = match config {
            SummarizerConfig::Provider(provider) => (
                Way::Provider(Model::new(provider)?),
                Seats::new(provider.parallel_per_user, provider.parallel),
            ),
            SummarizerConfig::Extractive => {
                (Way::Extractive, Seats::new(extract::PER_USER, extract::AT_ONCE))
            }
            SummarizerConfig::Off => (Way::Off, Seats::new(0, 0)),
        };
        Ok(Self { way, flights: Flights::default(), seats, waiting: Seats::new(WAITING_PER_USER, WAITING) })
    }

    /// What a summary of this note is known by.
    ///
    /// # Errors
    ///
    /// [`ApiError::Disabled`] when no summaries are made here.
    pub(crate) fn key(&self, note: &Note, options: SummaryOptions) -> Result<SummaryKey, ApiError> {
        let (asked_model, prompt_version) = match &self.way {
            Way::Provider(model) => (model.name.clone(), prompt::VERSION),
            Way::Extractive => (extract::MODEL.to_owned(), extract::VERSION),
            Way::Off => return Err(ApiError::Disabled(SWITCHED_OFF)),
        };
        let prompt_version = prompt_version.to_owned();
        Ok(SummaryKey { content_hash: note.content_hash(), options, prompt_version, asked_model })
    }

    /// Joins those who wait for this summary; the first to want it has it made. When nobody waits any more, it is given up.
    ///
    /// # Errors
    ///
    /// When this user, or all together, have too many made at once, or wait for too many.
    pub(crate) fn join(
        &self,
        state: &State,
        user: UserId,
        note: Note,
        key: SummaryKey,
    ) -> Result<Waiter, ApiError> {
        let waiting = self.waiting.take(user)?;
        let flight_key = FlightKey { user, note: note.id, key: key.clone() };
        let begin = |flight, seat| {
            let (way, state) = (self.way.clone(), state.clone());
            let job = Job { user, note, key };
            actix_web::rt::spawn(async move {
                making::make(way, &state, job, flight).await;
                drop(seat);
            });
        };
        let watch = self.flights.join(flight_key, || self.seats.take(user), begin)?;
        Ok(Waiter { watch, _seat: waiting })
    }
}

impl Model {
    fn new(provider: &Provider) -> Result<Self, daybook_ai_client::Error> {
        let client = Client::builder(provider.key.clone())
            .base_url(provider.base_url.clone())
            .timeout(provider.timeout)
            // One attempt that uses all of its time, and a shorter second one.
            .total_deadline(provider.timeout * 3 / 2)
            .stream_deadline(DEADLINE)
            .build()?;
        Ok(Self {
            client,
            name: provider.model.clone(),
            window: provider.window,
            prices: provider.prices.clone(),
            budget: provider.budget,
        })
    }
}

const SWITCHED_OFF: &str = "Summaries are switched off: DAYBOOK_SUMMARIZER is off";
