//! The configuration: environment variables, read once, all problems told at once.

mod environment;
mod limits;
mod redis_url;
mod summarizer;

use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use daybook_auth::{HashParameters, PasswordPolicy, Secret, TokenKeys};
use daybook_domain::SessionPolicy;
use daybook_persistence::DatabaseUrl;
use url::Url;

pub use self::environment::{Environment, EnvironmentError};
pub use self::limits::RateLimits;
pub use self::redis_url::RedisUrl;
pub use self::summarizer::{Provider, SummarizerConfig};
use crate::client_address::TrustedProxies;

/// Everything that can be set. Its `Debug` tells no secret, since none of its parts does.
#[derive(Debug, Clone)]
pub struct Config {
    /// `DATABASE_URL`
    pub database_url: DatabaseUrl,
    /// `DAYBOOK_BIND`
    pub bind: SocketAddr,
    /// `DAYBOOK_WORKERS`: HTTP worker threads.
    pub workers: usize,
    /// `JWT_SECRET_KEY`; none only with SQLite, where one is made at the first start.
    pub jwt_secret: Option<Secret>,
    /// `JWT_PREVIOUS_SECRET_KEYS`: verify only, during a rotation.
    pub jwt_previous_secrets: Vec<Secret>,
    /// `DAYBOOK_ACCEPT_LEGACY_TOKENS`: whether tokens of the service that daybook replaced are good until they expire.
    pub accept_legacy_tokens: bool,
    /// `DAYBOOK_PASSWORD_POLICY`
    pub password_policy: PasswordPolicy,
    /// `DAYBOOK_ARGON2`: `m=65536,t=3,p=4`
    pub hashing: HashParameters,
    /// `DAYBOOK_SESSION_IDLE`, `DAYBOOK_SESSION_LIFETIME`, `DAYBOOK_SESSIONS_PER_USER`
    pub sessions: SessionPolicy,
    /// `DAYBOOK_RATE_LIMIT`; none when it is `off`.
    pub rate_limits: Option<RateLimits>,
    /// `DAYBOOK_TRUSTED_PROXIES`
    pub trusted_proxies: TrustedProxies,
    /// `REDIS_URL`
    pub redis: Option<RedisUrl>,
    /// `DAYBOOK_SUMMARIZER`
    pub summarizer: SummarizerConfig,
    /// `WEATHER_BASE_URL`
    pub weather_base_url: Url,
    /// `GEOCODING_BASE_URL`
    pub geocoding_base_url: Url,
    /// `WEATHER_CACHE_LIFETIME`: how long a forecast is served before it is fetched anew.
    pub weather_lifetime: Duration,
    /// `RUST_LOG`
    pub log: String,
    /// What was set and has no effect, or had better not be set.
    pub warnings: Vec<String>,
}

/// Everything that is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the configuration is not valid:\n  {}", .0.join("\n  "))]
pub struct ConfigError(pub Vec<String>);

const DATABASE_URL: &str = "sqlite://data/daybook.db";
const BIND: &str = "127.0.0.1:8080";
/// Open-Meteo's own values change each quarter of an hour.
const WEATHER_LIFETIME: Duration = Duration::from_secs(10 * 60);
/// `info`, without the errors that actix tells of every head that is not HTTP: anybody can send those.
const LOG: &str = "info,actix_http=off";

impl Config {
    /// Reads every variable.
    ///
    /// # Errors
    ///
    /// All problems at once. A message names the variable and never repeats a secret.
    pub fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let mut read = Reader { environment, problems: Vec::new(), warnings: Vec::new() };
        let database_url = read.parse::<DatabaseUrl>("DATABASE_URL").or_else(|| DATABASE_URL.parse().ok());
        let bind = read.parse_as("DAYBOOK_BIND", address).or_else(|| BIND.parse().ok());
        let workers = read.parse_as("DAYBOOK_WORKERS", workers).unwrap_or_else(cores);
        let jwt_secret = read.parse_as("JWT_SECRET_KEY", Secret::parse);
        let jwt_previous_secrets = read.parse_as("JWT_PREVIOUS_SECRET_KEYS", secrets).unwrap_or_default();
        let accept_legacy_tokens = read.parse_as("DAYBOOK_ACCEPT_LEGACY_TOKENS", switch).unwrap_or(false);
        let password_policy = read.parse_as("DAYBOOK_PASSWORD_POLICY", policy).unwrap_or_default();
        let hashing = read.parse_as("DAYBOOK_ARGON2", hashing).unwrap_or_default();
        let sessions = read.sessions();
        let rate_limits = read.rate_limits();
        let trusted_proxies =
            read.parse_as("DAYBOOK_TRUSTED_PROXIES", TrustedProxies::parse).unwrap_or_default();
        let redis = read.parse_as("REDIS_URL", RedisUrl::parse);
        let summarizer = read.summarizer();
        let weather_base_url = read.url("WEATHER_BASE_URL", "https://api.open-meteo.com");
        let geocoding_base_url = read.url("GEOCODING_BASE_URL", "https://geocoding-api.open-meteo.com");
        let weather_lifetime = read.parse_as("WEATHER_CACHE_LIFETIME", limits::weather_lifetime);
        let log = read.parse_as("RUST_LOG", log_filter).unwrap_or_else(|| LOG.to_owned());
        let on_sqlite = database_url.as_ref().is_some_and(|url| url.sqlite_path().is_some());
        if !environment.has("JWT_SECRET_KEY") && !on_sqlite {
            read.problem(
                "JWT_SECRET_KEY",
                "must be set with PostgreSQL: at least 32 random bytes, the same on every instance",
            );
        }
        let mut warnings = environment.without_effect();
        warnings.append(&mut read.warnings);
        if rate_limits.is_none() {
            warnings.push("DAYBOOK_RATE_LIMIT is off: passwords may be guessed without a limit".to_owned());
        }
        match (read.problems.is_empty(), database_url, bind, weather_base_url, geocoding_base_url) {
            (true, Some(database_url), Some(bind), Some(weather_base_url), Some(geocoding_base_url)) => {
                Ok(Self {
                    database_url,
                    bind,
                    workers,
                    jwt_secret,
                    jwt_previous_secrets,
                    accept_legacy_tokens,
                    password_policy,
                    hashing,
                    sessions,
                    rate_limits,
                    trusted_proxies,
                    redis,
                    summarizer,
                    weather_base_url,
                    geocoding_base_url,
                    weather_lifetime: weather_lifetime.unwrap_or(WEATHER_LIFETIME),
                    log,
                    warnings,
                })
            }
            _ => Err(ConfigError(read.problems)),
        }
    }

    /// Only the address, for who wants to ask the service that has the rest.
    ///
    /// # Errors
    ///
    /// When `DAYBOOK_BIND` is no address.
    pub fn bind(environment: &Environment) -> Result<SocketAddr, ConfigError> {
        let mut read = Reader { environment, problems: Vec::new(), warnings: Vec::new() };
        let bind = read.parse_as("DAYBOOK_BIND", address).or_else(|| BIND.parse().ok());
        bind.filter(|_| read.problems.is_empty()).ok_or(ConfigError(read.problems))
    }

    /// The keys that sign and verify access tokens. [`crate::state::State`] is made after the secret is there.
    pub(crate) fn token_keys(&self) -> Option<TokenKeys> {
        let keys = TokenKeys::new(self.jwt_secret.clone()?).with_previous(self.jwt_previous_secrets.clone());
        Some(keys.accept_legacy(self.accept_legacy_tokens))
    }
}

struct Reader<'a> {
    environment: &'a Environment,
    problems: Vec<String>,
    /// What is good, and yet may not be what is meant.
    warnings: Vec<String>,
}

impl Reader<'_> {
    fn problem(&mut self, name: &str, sentence: impl std::fmt::Display) {
        self.problems.push(format!("{name} {sentence}"));
    }

    fn parse_as<T, E: std::fmt::Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        match parse(self.environment.get(name)?) {
            Ok(value) => Some(value),
            Err(error) => {
                self.problem(name, error);
                None
            }
        }
    }

    fn parse<T: FromStr<Err: std::fmt::Display>>(&mut self, name: &str) -> Option<T> {
        self.parse_as(name, T::from_str)
    }

    fn url(&mut self, name: &str, default: &str) -> Option<Url> {
        self.parse_as(name, base_url).or_else(|| default.parse().ok())
    }

    fn rate_limits(&mut self) -> Option<RateLimits> {
        let limits = match self.parse_as("DAYBOOK_RATE_LIMIT", limits::rate_limits) {
            Some(limits) => Ok(limits),
            None => limits::default().map(Some),
        };
        limits.unwrap_or_else(|problem| {
            self.problem("DAYBOOK_RATE_LIMIT", problem);
            None
        })
    }

    fn sessions(&mut self) -> SessionPolicy {
        let default = SessionPolicy::default();
        let idle = self.parse_as("DAYBOOK_SESSION_IDLE", limits::seconds);
        let lifetime = self.parse_as("DAYBOOK_SESSION_LIFETIME", limits::seconds);
        let per_user = self.parse_as("DAYBOOK_SESSIONS_PER_USER", limits::sessions);
        SessionPolicy {
            idle_seconds: idle.unwrap_or(default.idle_seconds),
            lifetime_seconds: lifetime.unwrap_or(default.lifetime_seconds),
            per_user: per_user.unwrap_or(default.per_user),
        }
    }
}

fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "must be an IP address and a port, like 127.0.0.1:8080 or [::]:8080")
}

fn workers(text: &str) -> Result<usize, &'static str> {
    match text.parse() {
        Ok(workers @ 1..=1_024) => Ok(workers),
        _ => Err("must be a number from 1 to 1024"),
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn secrets(text: &str) -> Result<Vec<Secret>, String> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| Secret::parse(part).map_err(|weak| weak.to_string())).collect()
}

fn switch(text: &str) -> Result<bool, &'static str> {
    match text {
        "true" | "1" | "on" => Ok(true),
        "false" | "0" | "off" => Ok(false),
        _ => Err("must be true or false"),
    }
}

fn policy(text: &str) -> Result<PasswordPolicy, &'static str> {
    match text {
        "basic" => Ok(PasswordPolicy::Basic),
        "nist" => Ok(PasswordPolicy::Nist),
        _ => Err("must be basic or nist"),
    }
}

/// The parameters as a PHC string writes them.
fn hashing(text: &str) -> Result<HashParameters, String> {
    let form = || "must look like m=65536,t=3,p=4 (memory in KiB, passes, lanes)".to_owned();
    let mut parts = text.split(',');
    let mut next =
        |name: &str| parts.next()?.trim().strip_prefix(name)?.strip_prefix('=')?.parse::<u32>().ok();
    let (Some(memory), Some(iterations), Some(lanes)) = (next("m"), next("t"), next("p")) else {
        return Err(form());
    };
    if parts.next().is_some() {
        return Err(form());
    }
    HashParameters::new(memory, iterations, lanes).map_err(|error| error.to_string())
}

fn base_url(text: &str) -> Result<Url, &'static str> {
    match Url::parse(text) {
        Ok(url) if is_base(&url) => Ok(url),
        _ => Err("must be an http:// or https:// URL without a user, a query or a fragment"),
    }
}

fn is_base(url: &Url) -> bool {
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    matches!(url.scheme(), "http" | "https") && url.has_host() && plain
}

fn log_filter(text: &str) -> Result<String, String> {
    let filter: Result<tracing_subscriber::EnvFilter, _> = text.parse();
    filter.map(|_| text.to_owned()).map_err(|error| format!("is not a log filter: {error}"))
}

#[cfg(test)]
mod tests;
