//! The model that writes summaries.

use std::time::Duration;

use daybook_ai_client::Client;

use crate::Prices;

/// Tokens that a model reads and writes at once, at least for every model of OpenAI.
const WINDOW: usize = 128_000;

/// Smallest window. In less there is hardly space for a note beside the instructions.
const WINDOW_MIN: usize = 4_000;

/// A model of a provider, and how to use it.
#[derive(Debug, Clone)]
pub struct Model {
    pub(crate) client: Client,
    pub(crate) name: String,
    pub(crate) window: usize,
    pub(crate) prices: Prices,
    pub(crate) timeout: Duration,
}

impl Model {
    /// Default of [`Model::timeout`]. A long note in the window of a small model takes some dozens
    /// of calls.
    pub const TIMEOUT: Duration = Duration::from_secs(5 * 60);

    /// A model by the name that the provider knows. The defaults are a window of 128,000 tokens,
    /// OpenAI's prices and a timeout of 5 minutes.
    #[must_use]
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        let name = name.into();
        Self { client, name, window: WINDOW, prices: Prices::openai(), timeout: Self::TIMEOUT }
    }

    /// Sets how many tokens the model reads and writes at once, at least 4,000. A longer note is
    /// summarized in parts.
    #[must_use]
    pub fn window(mut self, tokens: usize) -> Self {
        self.window = tokens.max(WINDOW_MIN);
        self
    }

    /// Sets the price list. A model that is not in it has no known cost.
    #[must_use]
    pub fn prices(mut self, prices: Prices) -> Self {
        self.prices = prices;
        self
    }

    /// Sets the timeout of one summary, all of its calls together. Reaching it is
    /// [`Error::Timeout`](crate::Error::Timeout).
    ///
    /// The client's own timeouts apply to each call. Its stream timeout should be as long as this.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}
