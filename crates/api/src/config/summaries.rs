//! How summaries are written, and what they may cost.

use std::convert::Infallible;
use std::ops::RangeInclusive;
use std::time::Duration;

use daybook_ai_client::ApiKey;
use daybook_persistence::Budget;
use daybook_summarizer::Prices;

use super::base_url::{ProviderUrl, provider_url};
use super::duration::duration;
use super::number::number;
use super::reader::SettingReader;
use super::settings;

/// The context window of a model in tokens. A smaller one has hardly any room for a note beside the
/// instructions.
const WINDOW: RangeInclusive<usize> = 4_000..=10_000_000;

/// Concurrent summaries.
const PARALLEL: RangeInclusive<usize> = 1..=10_000;

/// How summaries are written.
#[derive(Debug, Clone)]
pub(crate) struct SummarizerConfig {
    pub(crate) limits: SummaryLimits,
    /// `None` takes the summaries from sentences of the note.
    pub(crate) provider: Option<Provider>,
}

/// The limits of summaries, with or without a model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SummaryLimits {
    /// The defaults allow a user some hundreds of notes of one page a day. With a small model they
    /// cost at most 40 cents a user and eight dollars in total.
    pub(crate) budget: Budget,
    /// Concurrent summaries of one user. A person waits for one or two.
    pub(crate) parallel_per_user: usize,
    /// Concurrent summaries in this process. The default is about the number of concurrent requests
    /// that a provider grants a small account.
    pub(crate) parallel: usize,
}

/// The AI provider.
#[derive(Debug, Clone)]
pub(crate) struct Provider {
    pub(crate) key: ApiKey,
    pub(crate) base_url: ProviderUrl,
    /// The longest time until a response begins, and between two pieces of it.
    pub(crate) timeout: Duration,
    pub(crate) model: String,
    /// Tokens that the model reads and writes at once.
    pub(crate) window: usize,
    pub(crate) prices: Prices,
}

impl SummarizerConfig {
    /// Also checks settings that have no effect. Returns `Some(None)` if summaries are switched
    /// off, and `None` after a problem.
    pub(super) fn read(reader: &mut SettingReader<'_>) -> Option<Option<Self>> {
        let mode = reader.read(&settings::SUMMARIZER, mode);
        let provider = Provider::read(reader);
        let limits = SummaryLimits::read(reader);
        let has_key = reader.is_set(settings::OPENAI_SECRET_KEY.name);
        let provider = match mode? {
            Mode::Off => return Some(None),
            Mode::Openai if !has_key => {
                reader.problem(&settings::OPENAI_SECRET_KEY, "must be set with DAYBOOK_SUMMARIZER=openai");
                return None;
            }
            Mode::Auto if !has_key => {
                warn_without_key(reader);
                None
            }
            Mode::Auto | Mode::Openai => Some(provider?),
        };
        let mut limits = limits?;
        if provider.is_none() && !reader.is_set(settings::AI_TOKENS_PER_DAY.name) {
            // These tokens cost nothing, and a few users must not use up the budget of all.
            limits.budget.of_all = UNLIMITED;
        }
        Some(Some(Self { limits, provider }))
    }
}

impl SummaryLimits {
    fn read(reader: &mut SettingReader<'_>) -> Option<Self> {
        let per_user = reader.read(&settings::AI_TOKENS_PER_USER, tokens);
        let of_all = reader.read(&settings::AI_TOKENS_PER_DAY, tokens);
        let parallel_per_user = reader.read(&settings::AI_PARALLEL_PER_USER, |text| number(text, PARALLEL));
        let parallel = reader.read(&settings::AI_PARALLEL, |text| number(text, PARALLEL));
        Some(Self {
            budget: Budget { per_user: per_user?, of_all: of_all? },
            parallel_per_user: parallel_per_user?,
            parallel: parallel?,
        })
    }
}

impl Provider {
    fn read(reader: &mut SettingReader<'_>) -> Option<Self> {
        let key = reader.read(&settings::OPENAI_SECRET_KEY, |text| {
            ApiKey::new(text).map_err(|_| "is not a key that can be sent in a header")
        });
        let base_url = reader.read(&settings::OPENAI_BASE_URL, provider_url);
        let timeout = reader.read(&settings::OPENAI_TIMEOUT, timeout);
        let model = reader.read(&settings::OPENAI_MODEL, |text| Ok::<_, Infallible>(text.to_owned()));
        let window = reader.read(&settings::OPENAI_CONTEXT_WINDOW, |text| number(text, WINDOW));
        let prices = reader.read(&settings::AI_PRICES, prices);
        Some(Self {
            key: key?,
            base_url: base_url?,
            timeout: timeout?,
            model: model?,
            window: window?,
            prices: prices.unwrap_or_else(Prices::openai),
        })
    }
}

fn warn_without_key(reader: &mut SettingReader<'_>) {
    for name in ["OPENAI_API_KEY", settings::OPENAI_BASE_URL.name, settings::OPENAI_MODEL.name] {
        if reader.is_set(name) {
            reader.warn(format!(
                "{name} is set without OPENAI_SECRET_KEY: summaries are picked from the notes' own sentences"
            ));
        }
    }
}

#[derive(Clone, Copy)]
enum Mode {
    /// A provider if there is a key, otherwise sentences of the note.
    Auto,
    Openai,
    Off,
}

fn mode(text: &str) -> Result<Mode, &'static str> {
    match text {
        "auto" => Ok(Mode::Auto),
        "openai" => Ok(Mode::Openai),
        "off" => Ok(Mode::Off),
        _ => Err("must be auto, openai or off"),
    }
}

/// A longer time than the deadline of a whole summary has no effect. A reasoning model may need
/// tens of seconds for its first word.
fn timeout(text: &str) -> Result<Duration, &'static str> {
    duration(text, 1..=300, "must be a time between 1s and 5m, like 60s")
}

fn prices(text: &str) -> Result<Prices, &'static str> {
    Prices::parse(text).map_err(|_| {
        "must look like gpt-5-nano=0.05/0.40,llama3.2=0/0: \
         a model, and US dollars for a million tokens read and written"
    })
}

/// More tokens than can be counted in a day. The sum of two such numbers is still a number.
const UNLIMITED: i64 = i64::MAX / 4;

/// A budget of less than 10,000 tokens does not allow a single summary.
fn tokens(text: &str) -> Result<i64, String> {
    number(text, 10_000..=1_000_000_000_000)
        .map_err(|sentence| format!("{sentence}; DAYBOOK_SUMMARIZER=off allows none"))
}
