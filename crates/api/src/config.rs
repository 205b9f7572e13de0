//! The configuration: one struct for each concern, read from environment variables. All problems
//! are reported at once.

mod base_url;
mod byte_size;
mod dot_env;
mod duration;
mod environment;
mod error;
mod hashing;
mod number;
mod quotas;
mod rate_limits;
mod reader;
mod redis_url;
mod security;
mod server;
mod sessions;
mod settings;
mod summaries;
mod switch;
mod weather;

use daybook_domain::SessionPolicy;
use daybook_persistence::{DatabaseUrl, Storage};
use tracing_subscriber::EnvFilter;

pub(crate) use self::environment::Environment;
pub(crate) use self::error::ConfigError;
pub(crate) use self::hashing::HashingConfig;
use self::reader::SettingReader;
pub(crate) use self::redis_url::RedisUrl;
pub(crate) use self::security::SecurityConfig;
pub(crate) use self::server::{ServerConfig, bind_address};
pub(crate) use self::summaries::{Provider, SummarizerConfig, SummaryLimits};
use self::switch::switch;
pub(crate) use self::weather::WeatherConfig;

/// Every setting. Its `Debug` shows no secret, since none of its parts does.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) server: ServerConfig,
    pub(crate) database_url: DatabaseUrl,
    pub(crate) redis: Option<RedisUrl>,
    pub(crate) security: SecurityConfig,
    pub(crate) sessions: SessionPolicy,
    /// The quota of each user.
    pub(crate) quota: Storage,
    /// `DAYBOOK_JOBS`: true if this process runs the background jobs.
    pub(crate) jobs: bool,
    /// `None` if summaries are switched off.
    pub(crate) summarizer: Option<SummarizerConfig>,
    pub(crate) weather: WeatherConfig,
    /// The log filter. The default leaves out actix' errors about requests that are not HTTP, which
    /// any client can cause.
    pub(crate) log: String,
    /// Settings that can be used and are probably not meant.
    pub(crate) warnings: Vec<String>,
}

impl Config {
    /// Reads every setting.
    ///
    /// # Errors
    ///
    /// All problems at once.
    pub(crate) fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let mut reader = SettingReader::new(environment);
        let server = ServerConfig::read(&mut reader);
        let database_url = reader.read(&settings::DATABASE_URL, str::parse::<DatabaseUrl>);
        let redis = reader.read(&settings::REDIS_URL, RedisUrl::parse);
        // Beside a SQLite file a secret is made.
        let needs_secret = database_url.as_ref().is_some_and(|url| url.sqlite_path().is_none());
        let security = SecurityConfig::read(&mut reader, needs_secret);
        let sessions = sessions::read(&mut reader);
        let quota = quotas::read(&mut reader);
        let jobs = reader.read(&settings::JOBS, switch);
        let summarizer = SummarizerConfig::read(&mut reader);
        let weather = WeatherConfig::read(&mut reader);
        let log = reader.read(&settings::RUST_LOG, log_filter);
        let (problems, found) = reader.finish();
        let mut warnings = environment.warnings();
        warnings.extend(found);
        if !problems.is_empty() {
            return Err(ConfigError(problems));
        }
        let config = || {
            Some(Self {
                server: server?,
                database_url: database_url?,
                redis,
                security: security?,
                sessions: sessions?,
                quota: quota?,
                jobs: jobs?,
                summarizer: summarizer?,
                weather: weather?,
                log: log?,
                warnings,
            })
        };
        // Each setting without a value has reported its problem, so this error never occurs.
        config().ok_or_else(|| ConfigError(Vec::new()))
    }
}

fn log_filter(text: &str) -> Result<String, String> {
    let filter: Result<EnvFilter, _> = text.parse();
    filter.map(|_| text.to_owned()).map_err(|error| format!("is not a log filter: {error}"))
}

#[cfg(test)]
mod tests;
