//! The source of settings: the environment of the process, then a `.env` in the working directory.

use std::collections::HashMap;
use std::path::Path;

use super::settings;

/// Variables by name. An empty variable is not set, as compose files write it.
#[derive(Default)]
pub(crate) struct Environment(HashMap<String, String>);

/// A `.env` that cannot be read. The message does not repeat the line, which may have a secret.
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
        let mut variables = Self::dot_env(Path::new(".env"))?;
        // A name or a value that is not UTF-8 belongs to another program.
        let text = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        variables.extend(text);
        Ok(Self(variables))
    }

    fn dot_env(path: &Path) -> Result<HashMap<String, String>, EnvironmentError> {
        let pairs = match dotenvy::from_path_iter(path) {
            Ok(pairs) => pairs,
            Err(error) if error.not_found() => return Ok(HashMap::new()),
            Err(error) => return Err(EnvironmentError(reason(error))),
        };
        pairs.collect::<Result<_, _>>().map_err(|error| EnvironmentError(reason(error)))
    }

    /// Returns the value of a variable that is set and not blank. Blanks around it stay: a secret
    /// may begin or end with one.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.trim().is_empty())
    }

    /// True if a variable is set and not blank.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Returns a sentence for each variable that begins with `DAYBOOK_` and is not a setting. Most
    /// are misspelled.
    pub(super) fn unknown(&self) -> Vec<String> {
        let is_unknown = |name: &&String| {
            let is_setting = settings::ALL.iter().any(|setting| setting.name == name.as_str());
            name.starts_with("DAYBOOK_") && !is_setting && self.has(name)
        };
        let mut unknown: Vec<_> = self.0.keys().filter(is_unknown).collect();
        unknown.sort();
        unknown.into_iter().map(|name| format!("{name} is set but has no effect in this version")).collect()
    }
}

fn reason(error: dotenvy::Error) -> String {
    match error {
        dotenvy::Error::LineParse(_, column) => format!("a line cannot be parsed near column {column}"),
        other => other.to_string(),
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}
