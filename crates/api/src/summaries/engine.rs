//! Builds the summarizer, its budget and its concurrency limits from the configuration.

use daybook_ai_client::{Client, Error};
use daybook_domain::UserId;
use daybook_persistence::Budget;
use daybook_summarizer::{Model, Summarizer};
use daybook_throttle::Concurrency;

use crate::config::{Provider, SummarizerConfig};

/// Writes summaries, within a budget of tokens. Only a provider has a budget.
#[derive(Clone)]
pub(super) struct Engine {
    pub(super) summarizer: Summarizer,
    pub(super) budget: Option<Budget>,
}

/// Limits of concurrent extractive summaries: per user, and in total. A long note keeps a core busy
/// for some hundredths of a second.
const EXTRACTIVE_PER_USER: usize = 2;
const EXTRACTIVE: usize = 4;

impl Engine {
    /// Returns the engine with its limits of concurrent summaries, or `None` if summaries are
    /// switched off.
    pub(super) fn new(config: &SummarizerConfig) -> Result<Option<(Self, Concurrency<UserId>)>, Error> {
        Ok(match config {
            SummarizerConfig::Provider(provider) => {
                let summarizer = Summarizer::provider(model(provider)?);
                let limits = Concurrency::new(provider.parallel_per_user, provider.parallel);
                Some((Self { summarizer, budget: Some(provider.budget) }, limits))
            }
            SummarizerConfig::Extractive => {
                let limits = Concurrency::new(EXTRACTIVE_PER_USER, EXTRACTIVE);
                Some((Self { summarizer: Summarizer::extractive(), budget: None }, limits))
            }
            SummarizerConfig::Off => None,
        })
    }
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
