//! The entry point: a summarizer with or without a provider.

use std::sync::Arc;

use daybook_domain::{Note, SummaryKey, SummaryOptions};

use crate::sanitize::CHARACTERS_MAX;
use crate::{Model, Plan, extractive, prompt};

/// Summarizes notes. A clone is cheap.
#[derive(Debug, Clone)]
pub struct Summarizer {
    engine: Engine,
}

#[derive(Debug, Clone)]
enum Engine {
    Provider(Arc<Model>),
    Extractive,
}

impl Summarizer {
    /// The maximum length of a summary in bytes: 8,000 characters of at most 4 bytes each.
    pub const BYTES_MAX: usize = CHARACTERS_MAX * 4;

    /// Returns a summarizer that uses a model.
    #[must_use]
    pub fn provider(model: Model) -> Self {
        Self { engine: Engine::Provider(Arc::new(model)) }
    }

    /// Returns a summarizer that picks sentences of the note. It needs no provider and costs
    /// nothing.
    #[must_use]
    pub fn extractive() -> Self {
        Self { engine: Engine::Extractive }
    }

    /// Returns the key of a summary. A stored summary with an equal key can be reused.
    ///
    /// The key of an extractive summary has no language, because the summary has the note's
    /// language.
    #[must_use]
    pub fn key(&self, note: &Note, options: SummaryOptions) -> SummaryKey {
        let (asked_model, prompt_version, options) = match &self.engine {
            Engine::Provider(model) => (model.name.as_str(), prompt::VERSION, options),
            Engine::Extractive => {
                (extractive::MODEL, extractive::VERSION, SummaryOptions { language: None, ..options })
            }
        };
        SummaryKey {
            content_hash: note.content_hash(),
            options,
            prompt_version: prompt_version.to_owned(),
            asked_model: asked_model.to_owned(),
        }
    }

    /// Plans a summary. Nothing is sent until the plan is [run](Plan::run).
    pub fn plan(&self, note: &Note, options: SummaryOptions) -> Plan {
        match &self.engine {
            Engine::Provider(model) => Plan::provider(Arc::clone(model), note, options),
            Engine::Extractive => Plan::extractive(note, options.length),
        }
    }
}
