//! Who writes summaries, and what they may cost.

use std::time::Duration;

use daybook_ai_client::ApiKey;
use daybook_persistence::Budget;
use daybook_summarizer::Prices;
use url::Url;

use super::{Reader, limits};

/// Who writes summaries.
#[derive(Debug, Clone)]
pub enum SummarizerConfig {
    /// A model of an AI provider.
    Provider(Box<Provider>),
    /// daybook itself: it picks sentences of the note.
    Extractive,
    /// Summaries are switched off.
    Off,
}

/// The AI provider, and the limits of its use.
#[derive(Debug, Clone)]
pub struct Provider {
    /// `OPENAI_SECRET_KEY`
    pub key: ApiKey,
    /// `OPENAI_BASE_URL`: OpenAI or any other server that speaks the Responses API.
    pub base_url: Url,
    /// `OPENAI_TIMEOUT`: longest time until an answer begins, and between two pieces of it.
    pub timeout: Duration,
    /// `OPENAI_MODEL`
    pub model: String,
    /// `OPENAI_CONTEXT_WINDOW`: tokens that the model reads and writes at once.
    pub window: usize,
    /// `DAYBOOK_AI_PRICES`
    pub prices: Prices,
    /// `DAYBOOK_AI_TOKENS_PER_USER`, `DAYBOOK_AI_TOKENS_PER_DAY`
    pub budget: Budget,
    /// `DAYBOOK_AI_PARALLEL_PER_USER`: concurrent summaries of one user.
    pub parallel_per_user: usize,
    /// `DAYBOOK_AI_PARALLEL`: concurrent summaries of all users in this process.
    pub parallel: usize,
}

/// A reasoning model needs tens of seconds before the first piece of its answer.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The smallest window of OpenAI's models.
const WINDOW: usize = 128_000;

/// Enough for some hundreds of notes of one page. Costs at most 40 cents with a small model.
const TOKENS_PER_USER: i64 = 1_000_000;

/// Costs at most eight dollars with a small model.
const TOKENS_PER_DAY: i64 = 20_000_000;

/// A person waits for one or two summaries.
const PARALLEL_PER_USER: usize = 4;

/// About the number of concurrent requests that a provider grants a small account.
const PARALLEL: usize = 64;

impl Reader<'_> {
    /// Reads all variables of summaries. A variable without effect is checked too.
    pub(super) fn summarizer(&mut self) -> SummarizerConfig {
        let mode = self.parse_as("DAYBOOK_SUMMARIZER", summarizer).unwrap_or_default();
        let key = self.parse_as("OPENAI_SECRET_KEY", |text| {
            ApiKey::new(text).map_err(|_| "is not a key that can be sent in a header")
        });
        let base_url = self.url("OPENAI_BASE_URL", "https://api.openai.com/v1");
        let timeout = self.parse_as("OPENAI_TIMEOUT", limits::silence).unwrap_or(TIMEOUT);
        let model = self.environment.get("OPENAI_MODEL").unwrap_or("gpt-5-nano").to_owned();
        let window = self.parse_as("OPENAI_CONTEXT_WINDOW", window).unwrap_or(WINDOW);
        let prices = self.parse_as("DAYBOOK_AI_PRICES", prices).unwrap_or_else(Prices::openai);
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
                format!(
                    "{name} is set without OPENAI_SECRET_KEY: \
                     summaries are picked from the notes' own sentences"
                )
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
    /// A provider if there is a key, otherwise sentences of the note.
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
        // In less there is hardly space for a note beside the instructions.
        Ok(tokens @ 4_000..=10_000_000) => Ok(tokens),
        _ => Err("must be a number of tokens from 4000 to 10000000"),
    }
}

fn prices(text: &str) -> Result<Prices, &'static str> {
    Prices::parse(text).map_err(|_| {
        "must look like gpt-5-nano=0.05/0.40,llama3.2=0/0: \
         a model, and US dollars for a million tokens read and written"
    })
}

fn tokens(text: &str) -> Result<i64, &'static str> {
    match text.parse() {
        // A smaller budget does not suffice for one summary.
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
