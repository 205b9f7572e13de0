//! Where variables come from: the process's environment, then a `.env` in the working directory.

use std::collections::HashMap;
use std::path::Path;

/// Variables by name. An empty one is one that is not set, as compose files write it.
#[derive(Default)]
pub struct Environment(HashMap<String, String>);

/// A `.env` that cannot be read. Does not repeat the line, which may hold a secret.
#[derive(Debug, thiserror::Error)]
#[error(".env cannot be read: {0}")]
pub struct EnvironmentError(String);

/// The variables of daybook's own name that something reads.
const KNOWN: [&str; 16] = [
    "DAYBOOK_BIND",
    "DAYBOOK_WORKERS",
    "DAYBOOK_ACCEPT_LEGACY_TOKENS",
    "DAYBOOK_PASSWORD_POLICY",
    "DAYBOOK_ARGON2",
    "DAYBOOK_SUMMARIZER",
    "DAYBOOK_AI_PRICES",
    "DAYBOOK_AI_TOKENS_PER_USER",
    "DAYBOOK_AI_TOKENS_PER_DAY",
    "DAYBOOK_AI_PARALLEL_PER_USER",
    "DAYBOOK_AI_PARALLEL",
    "DAYBOOK_SESSION_IDLE",
    "DAYBOOK_SESSION_LIFETIME",
    "DAYBOOK_SESSIONS_PER_USER",
    "DAYBOOK_RATE_LIMIT",
    "DAYBOOK_TRUSTED_PROXIES",
];

impl Environment {
    /// The process's environment, completed by `.env`, which never overrides it.
    ///
    /// # Errors
    ///
    /// When there is a `.env` that cannot be read.
    pub fn read() -> Result<Self, EnvironmentError> {
        let mut variables = Self::dot_env(Path::new(".env"))?;
        // A name or value that is not UTF-8 is none of ours.
        let ours =
            std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
        variables.extend(ours);
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

    /// The value of a variable that is set and not blank, with its blanks: a secret may begin or end with one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.trim().is_empty())
    }

    /// Whether a variable is set and not empty.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// A sentence for each of daybook's own variables that nothing reads: most often a slip of the pen.
    pub(crate) fn without_effect(&self) -> Vec<String> {
        let ours = self.0.keys().filter(|name| name.starts_with("DAYBOOK_"));
        let mut unknown: Vec<_> =
            ours.filter(|name| !KNOWN.contains(&name.as_str()) && self.has(name)).collect();
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

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}
