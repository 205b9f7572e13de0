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
use tokio::sync::watch;
use tracing::Instrument;

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
    /// Whether those that are being made are given up.
    given_up: watch::Sender<bool>,
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
    /// Whether it is to be made though there is one.
    refresh: bool,
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
        Ok(Self {
            way,
            flights: Flights::default(),
            seats,
            waiting: Seats::new(WAITING_PER_USER, WAITING),
            given_up: watch::Sender::new(false),
        })
    }

    /// What a summary of this note is known by.
    ///
    /// # Errors
    ///
    /// [`ApiError::Disabled`] when no summaries are made here.
    pub(crate) fn key(&self, note: &Note, options: SummaryOptions) -> Result<SummaryKey, ApiError> {
        let (asked_model, prompt_version, options) = match &self.way {
            Way::Provider(model) => (model.name.clone(), prompt::VERSION, options),
            // Sentences are in the language that they are in.
            Way::Extractive => {
                (extract::MODEL.to_owned(), extract::VERSION, SummaryOptions { language: None, ..options })
            }
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
        refresh: bool,
    ) -> Result<Waiter, ApiError> {
        let waiting = self.waiting.take(user)?;
        let flight_key = FlightKey { user, note: note.id, key: key.clone() };
        let begin = |flight, seat| {
            let (way, state) = (self.way.clone(), state.clone());
            let job = Job { user, note, key, refresh };
            let making = async move {
                making::make(way, &state, job, flight).await;
                drop(seat);
            };
            actix_web::rt::spawn(making.in_current_span());
        };
        let watch = self.flights.join(flight_key, || self.seats.take(user), begin)?;
        Ok(Waiter { watch, _seat: waiting })
    }
}

impl Summaries {
    /// Gives up what is being made, since the service is about to end: there is time left to tell those who wait, and to book what it took.
    pub(crate) fn give_up(&self) {
        self.given_up.send_replace(true);
    }

    async fn given_up(&self) {
        // Never an error: the sender is here.
        let _ = self.given_up.subscribe().wait_for(|given_up| *given_up).await;
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
