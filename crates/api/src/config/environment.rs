//! The source of settings: the environment of the process, then a `.env` in the working directory.

use std::collections::HashMap;
use std::{fs, io};

use super::dot_env::{self, DotEnv};
use super::settings;

/// Variables by name. An empty variable is not set, as compose files write it.
#[derive(Default)]
pub(crate) struct Environment {
    variables: HashMap<String, String>,
    /// Settings of `.env` that cannot be used, with the reasons.
    broken: HashMap<String, String>,
    warnings: Vec<String>,
}

/// A `.env` that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error(".env cannot be read: {0}")]
pub(crate) struct EnvironmentError(String);

impl Environment {
    /// Reads the environment of the process. Variables of `.env` are added and never override it.
    ///
    /// # Errors
    ///
    /// When there is a `.env` that cannot be read.
    pub(crate) fn read() -> Result<Self, EnvironmentError> {
        let DotEnv { mut variables, broken, warnings } = match fs::read(".env") {
            Ok(file) => {
                let is_setting = |name: &str| settings::ALL.iter().any(|setting| setting.name == name);
                dot_env::parse(&file, is_setting).map_err(|reason| EnvironmentError(reason.to_owned()))?
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => DotEnv::default(),
            Err(error) => return Err(EnvironmentError(error.to_string())),
        };
        // A name or a value that is not UTF-8 belongs to another program.
        let text = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        variables.extend(text);
        Ok(Self { variables, broken, warnings })
    }

    /// Returns the value of a variable that is set and not blank. Blanks around it stay: a secret
    /// may begin or end with one.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.trim().is_empty())
    }

    /// Returns the reason why a setting of `.env` cannot be used. It continues the setting's name.
    pub(super) fn broken(&self, name: &str) -> Option<&str> {
        self.broken.get(name).map(String::as_str)
    }

    /// True if a variable is set and not blank.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some() || self.broken(name).is_some()
    }

    /// Returns a sentence for each line of `.env` that is skipped.
    ///
    /// Also returns one for each variable that begins with `DAYBOOK_` and is not a setting. Most of
    /// these are misspelled.
    pub(super) fn warnings(&self) -> Vec<String> {
        let is_unknown = |name: &&String| {
            let is_setting = settings::ALL.iter().any(|setting| setting.name == name.as_str());
            name.starts_with("DAYBOOK_") && !is_setting && self.has(name)
        };
        let mut unknown: Vec<_> = self.variables.keys().filter(is_unknown).collect();
        unknown.sort();
        let unknown =
            unknown.into_iter().map(|name| format!("{name} is set but has no effect in this version"));
        self.warnings.iter().cloned().chain(unknown).collect()
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(pairs: [(&str, &str); N]) -> Self {
        let variables = pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { variables, ..Self::default() }
    }
}
