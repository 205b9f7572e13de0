//! Reads settings and collects their problems, so that all of them are reported at once.

use std::fmt::Display;

use super::environment::Environment;
use super::settings::{DefaultValue, Setting};

/// Reads settings from the environment.
pub(super) struct SettingReader<'a> {
    environment: &'a Environment,
    problems: Vec<String>,
    warnings: Vec<String>,
}

impl<'a> SettingReader<'a> {
    pub(super) fn new(environment: &'a Environment) -> Self {
        Self { environment, problems: Vec::new(), warnings: Vec::new() }
    }

    /// Parses the variable, or its default if it is not set. Returns `None` if there is neither,
    /// and after a problem.
    ///
    /// An invalid default is reported like any other problem.
    pub(super) fn read<T, E: Display>(
        &mut self,
        setting: &Setting,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        if let Some(reason) = self.environment.broken(setting.name) {
            self.problem(setting, reason);
            return None;
        }
        let default = match setting.default {
            DefaultValue::Value(value) => Some(value),
            DefaultValue::Found(_) | DefaultValue::Nothing => None,
        };
        let text = self.environment.get(setting.name).or(default)?;
        parse(text).map_err(|error| self.problem(setting, error)).ok()
    }

    /// True if the variable with this name is set. It need not be a setting of daybook.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.environment.has(name)
    }

    /// Reports a setting whose value cannot be used. The sentence continues the variable's name.
    pub(super) fn problem(&mut self, setting: &Setting, sentence: impl Display) {
        self.problems.push(format!("{} {sentence}", setting.name));
    }

    /// Reports a setting that can be used and is probably not meant.
    pub(super) fn warn(&mut self, sentence: impl Into<String>) {
        self.warnings.push(sentence.into());
    }

    /// Returns the problems and the warnings.
    pub(super) fn finish(self) -> (Vec<String>, Vec<String>) {
        (self.problems, self.warnings)
    }
}
