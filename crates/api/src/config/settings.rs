//! Every setting of the service: its variable, its default and its meaning. README.md and `.env.example` show this table.

/// A setting, which is one environment variable.
pub(crate) struct Setting {
    /// The name of the variable.
    pub(crate) name: &'static str,
    pub(crate) default: Default,
    /// What it sets, in the words of README.md.
    #[cfg_attr(not(test), expect(dead_code, reason = "a test compares README.md with it"))]
    pub(crate) meaning: &'static str,
    /// True if no message may repeat the value.
    #[cfg_attr(not(test), expect(dead_code, reason = "a test looks for the values in all messages"))]
    pub(crate) is_secret: bool,
}

/// What applies if a variable is not set.
pub(crate) enum Default {
    /// This value, parsed like any other.
    Value(&'static str),
    /// Something that is found out at start, as README.md describes it.
    Found(#[cfg_attr(not(test), expect(dead_code, reason = "a test compares README.md with it"))] &'static str),
    /// Nothing: the feature is not used.
    Nothing,
}

macro_rules! settings {
    ($($constant:ident $name:literal = $default:expr, $secrecy:ident, $meaning:literal;)*) => {
        $(pub(crate) const $constant: Setting = Setting {
            name: $name,
            default: $default,
            meaning: $meaning,
            is_secret: settings!($secrecy),
        };)*

        /// All settings, in the order of README.md.
        pub(crate) const ALL: &[Setting] = &[$($constant),*];
    };
    (secret) => { true };
    (public) => { false };
}

use Default::{Found, Nothing, Value};

settings! {
    DATABASE_URL "DATABASE_URL" = Value("sqlite://data/daybook.db"), secret,
        "x";
    JWT_SECRET_KEY "JWT_SECRET_KEY" = Found("made beside the SQLite database"), secret,
        "x";
    JWT_PREVIOUS_SECRET_KEYS "JWT_PREVIOUS_SECRET_KEYS" = Nothing, secret,
        "x";
    ACCEPT_LEGACY_TOKENS "DAYBOOK_ACCEPT_LEGACY_TOKENS" = Value("false"), public,
        "x";
    BIND "DAYBOOK_BIND" = Value("127.0.0.1:8080"), public,
        "x";
    WORKERS "DAYBOOK_WORKERS" = Found("cores"), public,
        "x";
    PASSWORD_POLICY "DAYBOOK_PASSWORD_POLICY" = Value("basic"), public,
        "x";
    ARGON2 "DAYBOOK_ARGON2" = Value("m=65536,t=3,p=4"), public,
        "x";
    SESSION_IDLE "DAYBOOK_SESSION_IDLE" = Value("14d"), public,
        "x";
    SESSION_LIFETIME "DAYBOOK_SESSION_LIFETIME" = Value("90d"), public,
        "x";
    SESSIONS_PER_USER "DAYBOOK_SESSIONS_PER_USER" = Value("50"), public,
        "x";
    RATE_LIMIT "DAYBOOK_RATE_LIMIT" = Value("account=10/10m,address=100/10m"), public,
        "x";
    TRUSTED_PROXIES "DAYBOOK_TRUSTED_PROXIES" = Nothing, public,
        "x";
    REDIS_URL "REDIS_URL" = Nothing, secret,
        "x";
    SUMMARIZER "DAYBOOK_SUMMARIZER" = Value("auto"), public,
        "x";
    OPENAI_SECRET_KEY "OPENAI_SECRET_KEY" = Nothing, secret,
        "x";
    OPENAI_BASE_URL "OPENAI_BASE_URL" = Value("https://api.openai.com/v1"), public,
        "x";
    OPENAI_MODEL "OPENAI_MODEL" = Value("gpt-5-nano"), public,
        "x";
    OPENAI_CONTEXT_WINDOW "OPENAI_CONTEXT_WINDOW" = Value("128000"), public,
        "x";
    OPENAI_TIMEOUT "OPENAI_TIMEOUT" = Value("60s"), public,
        "x";
    AI_PRICES "DAYBOOK_AI_PRICES" = Found("OpenAI's list of 2025"), public,
        "x";
    AI_TOKENS_PER_USER "DAYBOOK_AI_TOKENS_PER_USER" = Value("1000000"), public,
        "x";
    AI_TOKENS_PER_DAY "DAYBOOK_AI_TOKENS_PER_DAY" = Value("20000000"), public,
        "x";
    AI_PARALLEL_PER_USER "DAYBOOK_AI_PARALLEL_PER_USER" = Value("4"), public,
        "x";
    AI_PARALLEL "DAYBOOK_AI_PARALLEL" = Value("64"), public,
        "x";
    WEATHER_BASE_URL "WEATHER_BASE_URL" = Value("https://api.open-meteo.com"), public,
        "x";
    GEOCODING_BASE_URL "GEOCODING_BASE_URL" = Value("https://geocoding-api.open-meteo.com"), public,
        "x";
    WEATHER_CACHE_LIFETIME "WEATHER_CACHE_LIFETIME" = Value("10m"), public,
        "x";
    RUST_LOG "RUST_LOG" = Value("info,actix_http=off"), public,
        "x";
}
