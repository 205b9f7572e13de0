//! How summaries are made, and what they may cost.

use std::time::Duration;

use daybook_ai_client::ApiKey;
use daybook_persistence::Budget;
use url::Url;

use super::{Reader, limits};
use crate::summaries::Prices;

/// How summaries are made.
#[derive(Debug, Clone)]
pub enum SummarizerConfig {
    /// By a model.
    Provider(Box<Provider>),
    /// From a note's own sentences.
    Extractive,
    /// Not at all.
    Off,
}

/// The AI provider, and how much of it may be used.
#[derive(Debug, Clone)]
pub struct Provider {
    /// `OPENAI_SECRET_KEY`
    pub key: ApiKey,
    /// `OPENAI_BASE_URL`: any server that speaks the Responses API.
    pub base_url: Url,
    /// `OPENAI_TIMEOUT`: how long it may say nothing, before an answer and within one.
    pub timeout: Duration,
    /// `OPENAI_MODEL`
    pub model: String,
    /// `OPENAI_CONTEXT_WINDOW`: how many tokens the model reads and writes at once.
    pub window: usize,
    /// `DAYBOOK_AI_PRICES`
    pub prices: Prices,
    /// `DAYBOOK_AI_TOKENS_PER_USER`, `DAYBOOK_AI_TOKENS_PER_DAY`
    pub budget: Budget,
    /// `DAYBOOK_AI_PARALLEL_PER_USER`: summaries that are made at once for one user.
    pub parallel_per_user: usize,
    /// `DAYBOOK_AI_PARALLEL`: for all of them, in this process.
    pub parallel: usize,
}

/// A model that reasons thinks for tens of seconds before it says anything.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What OpenAI's models have at the least.
const WINDOW: usize = 128_000;

/// Some hundreds of notes of a page; at the prices of a small model 40 cents at the most.
const TOKENS_PER_USER: i64 = 1_000_000;

/// At the prices of a small model eight dollars at the most.
const TOKENS_PER_DAY: i64 = 20_000_000;

/// A person waits for one or two.
const PARALLEL_PER_USER: usize = 4;

/// About as many parallel requests as a provider grants a small account.
const PARALLEL: usize = 64;

impl Reader<'_> {
    /// What is set is checked even where it has no effect.
    pub(super) fn summarizer(&mut self) -> SummarizerConfig {
        let mode = self.parse_as("DAYBOOK_SUMMARIZER", summarizer).unwrap_or_default();
        let key = self.parse_as("OPENAI_SECRET_KEY", |text| {
            ApiKey::new(text).map_err(|_| "is not a key that can be sent in a header")
        });
        let base_url = self.url("OPENAI_BASE_URL", "https://api.openai.com/v1");
        let timeout = self.parse_as("OPENAI_TIMEOUT", limits::silence).unwrap_or(TIMEOUT);
        let model = self.environment.get("OPENAI_MODEL").unwrap_or("gpt-5-nano").to_owned();
        let window = self.parse_as("OPENAI_CONTEXT_WINDOW", window).unwrap_or(WINDOW);
        let prices = self.parse_as("DAYBOOK_AI_PRICES", Prices::parse).unwrap_or_else(Prices::list);
        let per_user = self.parse_as("DAYBOOK_AI_TOKENS_PER_USER", tokens);
        let of_all = self.parse_as("DAYBOOK_AI_TOKENS_PER_DAY", tokens);
        let budget = Budget {
            per_user: per_user.unwrap_or(TOKENS_PER_USER),
            of_all: of_all.unwrap_or(TOKENS_PER_DAY),
        };
        let parallel_per_user = self.parse_as("DAYBOOK_AI_PARALLEL_PER_USER", parallel);
        let parallel = self.parse_as("DAYBOOK_AI_PARALLEL", parallel);
        if mode == SummarizerMode::Openai && !self.environment.has("OPENAI_SECRET_KEY") {
            self.problem("OPENAI_SECRET_KEY", "must be set with DAYBOOK_SUMMARIZER=openai");
        }
        if mode == SummarizerMode::Auto && !self.environment.has("OPENAI_SECRET_KEY") {
            let others = ["OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL"];
            let others = others.into_iter().filter(|name| self.environment.has(name));
            self.warnings.extend(others.map(|name| {
                format!("{name} is set without OPENAI_SECRET_KEY: summaries are picked from the notes' own sentences")
            }));
        }
        match (mode, key, base_url) {
            (SummarizerMode::Off, ..) => SummarizerConfig::Off,
            (_, Some(key), Some(base_url)) => SummarizerConfig::Provider(Box::new(Provider {
                key,
                base_url,
                timeout,
                model,
                window,
                prices,
                budget,
                parallel_per_user: parallel_per_user.unwrap_or(PARALLEL_PER_USER),
                parallel: parallel.unwrap_or(PARALLEL),
            })),
            _ => SummarizerConfig::Extractive,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum SummarizerMode {
    /// By a model with a key, and from the note's own sentences without one.
    #[default]
    Auto,
    Openai,
    Off,
}

fn summarizer(text: &str) -> Result<SummarizerMode, &'static str> {
    match text {
        "auto" => Ok(SummarizerMode::Auto),
        "openai" => Ok(SummarizerMode::Openai),
        "off" => Ok(SummarizerMode::Off),
        _ => Err("must be auto, openai or off"),
    }
}

fn window(text: &str) -> Result<usize, &'static str> {
    match text.parse() {
        // In less there is hardly room for a note beside what the model is told.
        Ok(tokens @ 4_000..=10_000_000) => Ok(tokens),
        _ => Err("must be a number of tokens from 4000 to 10000000"),
    }
}

fn tokens(text: &str) -> Result<i64, &'static str> {
    match text.parse() {
        // With less there is room for no summary at all.
        Ok(tokens @ 10_000..=1_000_000_000_000) => Ok(tokens),
        _ => {
            Err("must be a number of tokens from 10000 to 1000000000000; DAYBOOK_SUMMARIZER=off allows none")
        }
    }
}

fn parallel(text: &str) -> Result<usize, &'static str> {
    match text.parse() {
        Ok(count @ 1..=10_000) => Ok(count),
        _ => Err("must be a number from 1 to 10000"),
    }
}
