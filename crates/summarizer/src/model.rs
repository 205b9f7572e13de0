//! The model that writes summaries.

use std::time::Duration;

use daybook_ai_client::Client;

use crate::Prices;

/// The context window in tokens. Every model of OpenAI has at least this window.
const WINDOW: usize = 128_000;

/// The smallest window. A smaller one would leave hardly any space for a note.
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
    /// The default of [`Model::timeout`]. A long note takes several dozen calls to a model with a
    /// small window.
    pub const TIMEOUT: Duration = Duration::from_secs(5 * 60);

    /// Returns a model with the name that the provider uses. The defaults are a window of 128,000
    /// tokens, OpenAI's prices and a timeout of 5 minutes.
    #[must_use]
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        let name = name.into();
        Self { client, name, window: WINDOW, prices: Prices::openai(), timeout: Self::TIMEOUT }
    }

    /// Sets the context window: the number of tokens that the model reads and writes in one call.
    /// The minimum is 4,000. A longer note is summarized in parts.
    #[must_use]
    pub fn window(mut self, tokens: usize) -> Self {
        self.window = tokens.max(WINDOW_MIN);
        self
    }

    /// Sets the price list. The cost of a model that is not in the list is unknown.
    #[must_use]
    pub fn prices(mut self, prices: Prices) -> Self {
        self.prices = prices;
        self
    }

    /// Sets the timeout of one summary, for all of its calls together. A summary that exceeds it
    /// fails with [`Error::Timeout`](crate::Error::Timeout).
    ///
    /// The client's own timeouts apply to each call. The client's stream timeout should be at least
    /// as long as this timeout.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}
