//! Builds the summarizer, its budget and its concurrency limits from the configuration.

use std::num::NonZero;
use std::thread::available_parallelism;

use daybook_ai_client::{Client, Error};
use daybook_domain::UserId;
use daybook_persistence::Budget;
use daybook_summarizer::{Model, Summarizer};
use daybook_throttle::{Concurrency, KeyedPermit, KeyedSemaphore};

use crate::config::{Provider, SummarizerConfig, SummaryLimits};

/// Writes summaries, within a budget of tokens.
#[derive(Clone)]
pub(super) struct Engine {
    pub(super) summarizer: Summarizer,
    pub(super) budget: Budget,
    /// Limits the summaries that are being written.
    pub(super) running: Concurrency<UserId>,
    /// Limits the summaries that keep a core busy. `None` with a provider.
    cores: Option<KeyedSemaphore<UserId>>,
}

impl Engine {
    pub(super) fn new(config: &SummarizerConfig) -> Result<Self, Error> {
        let (summarizer, cores) = match &config.provider {
            Some(provider) => (Summarizer::provider(model(provider)?), None),
            None => (Summarizer::extractive(), Some(cores())),
        };
        let SummaryLimits { budget, parallel_per_user, parallel } = config.limits;
        let running = Concurrency::new(parallel_per_user, parallel);
        Ok(Self { summarizer, budget, running, cores })
    }

    /// Waits until a summary of this user may run. Returns at once with a provider.
    pub(super) async fn permit(&self, user: UserId) -> Option<KeyedPermit<UserId>> {
        match &self.cores {
            Some(cores) => Some(cores.acquire(user).await),
            None => None,
        }
    }
}

/// As many summaries run as there are cores, because more would only take longer each. One user has
/// at most half of them, so that another one does not wait for the end of a summary.
fn cores() -> KeyedSemaphore<UserId> {
    let cores = available_parallelism().map_or(1, NonZero::get);
    KeyedSemaphore::new(cores.div_ceil(2), cores)
}

fn model(provider: &Provider) -> Result<Model, Error> {
    let client = Client::builder(provider.key.clone())
        .base_url(provider.base_url.0.clone())
        .timeout(provider.timeout)
        // The first attempt may use its whole timeout, and a second one half of it.
        .total_timeout(provider.timeout * 3 / 2)
        .stream_timeout(Model::TIMEOUT)
        .build()?;
    Ok(Model::new(client, provider.model.clone()).window(provider.window).prices(provider.prices.clone()))
}
