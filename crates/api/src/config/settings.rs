//! Every setting of the service: its variable, its default and its meaning. README.md and
//! `.env.example` show this table.

/// A setting, which is one environment variable.
pub(crate) struct Setting {
    /// The name of the variable.
    pub(crate) name: &'static str,
    pub(crate) default: DefaultValue,
    /// What it sets, in the words of README.md.
    #[cfg_attr(not(test), expect(dead_code, reason = "a test compares README.md with it"))]
    pub(crate) meaning: &'static str,
    /// True if no message may repeat the value.
    #[cfg_attr(not(test), expect(dead_code, reason = "a test looks for the values in all messages"))]
    pub(crate) is_secret: bool,
}

/// What applies if a variable is not set.
pub(crate) enum DefaultValue {
    /// This value, parsed like any other.
    Value(&'static str),
    /// Something that is found out at start, as README.md describes it.
    Found(
        #[cfg_attr(not(test), expect(dead_code, reason = "a test compares README.md with it"))] &'static str,
    ),
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

use DefaultValue::{Found, Nothing, Value};

settings! {
    DATABASE_URL "DATABASE_URL" = Value("sqlite://data/daybook.db"), secret,
        "The database: `sqlite://relative/path`, `sqlite:///absolute/path` or \
         `postgres://user:password@host/name?sslmode=verify-full`.";
    JWT_SECRET_KEY "JWT_SECRET_KEY" = Found("generated with SQLite"), secret,
        "Signs access tokens: at least 32 random bytes. Required with PostgreSQL. With SQLite, a \
         generated secret is stored beside the database.";
    JWT_PREVIOUS_SECRET_KEYS "JWT_PREVIOUS_SECRET_KEYS" = Nothing, secret,
        "Previous secrets, separated by commas or as a JSON array of strings. They verify tokens \
         while the secret is rotated, and sign none. A value that begins with `[` is JSON.";
    ACCEPT_LEGACY_TOKENS "DAYBOOK_ACCEPT_LEGACY_TOKENS" = Value("false"), public,
        "`true` accepts tokens of the FastAPI service, signed with the same secret, until they \
         expire.";
    BIND "DAYBOOK_BIND" = Value("127.0.0.1:8080"), public,
        "The IP address and port to listen on. Port 0 picks a free port and prints it.";
    WORKERS "DAYBOOK_WORKERS" = Found("one for each core"), public,
        "HTTP worker threads, 1 to 512, by default one for each core.";
    MAX_CONNECTIONS "DAYBOOK_MAX_CONNECTIONS" = Found("from the limit of open files"), public,
        "Open connections of all clients together, 2 to 1000000. By default the limit of open files \
         (`ulimit -Hn`), less a reserve.";
    MAX_CONNECTIONS_PER_ADDRESS "DAYBOOK_MAX_CONNECTIONS_PER_ADDRESS" =
        Found("1024, at most half of all"), public,
        "Open connections of one address (an IPv6 /56; a /48 has four times the limit), 1 to 1000000. \
         Trusted proxies have no limit of their own.";
    REGISTRATION "DAYBOOK_REGISTRATION" = Value("open"), public,
        "`open`: any client can register an account. `closed`: each registration is rejected with \
         403.";
    PASSWORD_POLICY "DAYBOOK_PASSWORD_POLICY" = Value("basic"), public,
        "The rules for a new password. `basic`: 6 characters and a digit. `nist`: 15 characters, not \
         common or patterned, and not close to the e-mail address, the username or `daybook`.";
    ARGON2 "DAYBOOK_ARGON2" = Value("m=65536,t=3,p=4"), public,
        "The cost of a new password hash: memory in KiB, passes, lanes. The minimum is \
         `m=19456,t=2,p=1`. A stored hash with another cost is replaced at the next login.";
    HASHING_THREADS "DAYBOOK_HASHING_THREADS" = Found("one for each core"), public,
        "Threads that hash passwords, 1 to 512, by default one for each core. The memory of \
         `DAYBOOK_HASHING_MEMORY` can allow fewer.";
    HASHING_MEMORY "DAYBOOK_HASHING_MEMORY" = Found("half of the memory limit"), public,
        "Memory for all password hashes that run at once, `19MiB` to `1TiB`, for example `512MiB`. \
         By default half of the memory that the container (cgroup) or the machine allows. A stored \
         hash that alone needs more is not verified.";
    SESSION_IDLE "DAYBOOK_SESSION_IDLE" = Value("14d"), public,
        "A session expires after this time without use, `1m` to `3650d`, for example `90m`, `12h` or \
         `14d`.";
    SESSION_LIFETIME "DAYBOOK_SESSION_LIFETIME" = Value("90d"), public,
        "A session expires this long after its login, even if it is used, `1m` to `3650d`.";
    SESSIONS_PER_USER "DAYBOOK_SESSIONS_PER_USER" = Value("50"), public,
        "Sessions of one user, 1 to 1000. A login beyond the limit ends another session: first an \
         unused one, then the least recently used.";
    RATE_LIMIT "DAYBOOK_RATE_LIMIT" =
        Value("account=10/10m,address=100/10m,\
               write=1200/1m,summary=60/1m,weather=60/1m,refresh=300/10m"), public,
        "`account` limits wrong passwords for one name, and `address` wrong passwords and \
         registrations from one address (an IPv6 /56; a /48 has four times the limit). The others \
         limit one user: changes of notes and tasks, new summaries, and calls to the geocoder and the \
         forecast. `refresh` limits one session. `10/10m` allows a burst of 10, and 10 more over each \
         10 minutes (units: `s`, `m`, `h`). An omitted part keeps its default, and `on` keeps all. \
         `off` disables the limits for measurements, with a warning.";
    ITEMS_PER_USER "DAYBOOK_ITEMS_PER_USER" = Value("1000000"), public,
        "Notes and tasks of one user, 1 to 1000000000. A create beyond them is rejected with 403. \
         Several instances together can exceed this quota and the next one by a sixteenth for \
         each instance.";
    BYTES_PER_USER "DAYBOOK_BYTES_PER_USER" = Value("2GiB"), public,
        "Bytes of one user's texts, `1MiB` to `1024TiB`, for example `500MiB` or `2GiB`: the \
         titles and contents of notes and tasks, and the summaries. A write that adds bytes \
         beyond them is rejected with 403.";
    TRUSTED_PROXIES "DAYBOOK_TRUSTED_PROXIES" = Nothing, public,
        "Addresses or networks of proxies, separated by commas. Their `X-Forwarded-For` \
         and `X-Forwarded-Prefix` are trusted. A network larger than an IPv4 /8 or an IPv6 /16 is \
         rejected.";
    ROOT_PATH "DAYBOOK_ROOT_PATH" = Nothing, public,
        "The path of daybook behind a proxy that strips it, for example `/api`. It precedes the \
         paths in `Location` and `Link`, and the OpenAPI document has it in `servers`. A valid \
         `X-Forwarded-Prefix` of a trusted proxy replaces it.";
    REDIS_URL "REDIS_URL" = Nothing, secret,
        "Shares rate limits and ended sessions between instances: \
         `redis://user:password@host:6379/0`, or `rediss://` for TLS. Each deployment needs a \
         database (`/0`) of its own.";
    JOBS "DAYBOOK_JOBS" = Value("on"), public,
        "`on` runs the background jobs in this process. They delete outdated and surplus events, \
         outdated sessions and usage, and the rows of large deleted accounts, in small batches. `off`: \
         such rows stay until another process runs the jobs.";
    SUMMARIZER "DAYBOOK_SUMMARIZER" = Value("auto"), public,
        "`auto`: summaries by the model if there is a key, otherwise from the note's own sentences. \
         `openai`: by the model, and a key is required. `off`: no summaries.";
    OPENAI_SECRET_KEY "OPENAI_SECRET_KEY" = Nothing, secret,
        "The key for the AI provider. `OPENAI_API_KEY` is not read.";
    OPENAI_BASE_URL "OPENAI_BASE_URL" = Value("https://api.openai.com/v1"), public,
        "Any server that implements the Responses API.";
    OPENAI_MODEL "OPENAI_MODEL" = Value("gpt-5-nano"), public,
        "The model that summarizes.";
    OPENAI_CONTEXT_WINDOW "OPENAI_CONTEXT_WINDOW" = Value("128000"), public,
        "Tokens that the model can read and write in one call, 4000 to 10000000. A longer note is \
         summarized in parts.";
    OPENAI_TIMEOUT "OPENAI_TIMEOUT" = Value("60s"), public,
        "The longest silence of the provider, `1s` to `5m`. A whole summary takes at most 5 minutes.";
    AI_PRICES "DAYBOOK_AI_PRICES" = Found("OpenAI's prices of 2025"), public,
        "US dollars for a million tokens read and written, instead of OpenAI's prices of 2025: \
         `gpt-5-nano=0.05/0.40,llama3.2=0/0`.";
    AI_TOKENS_PER_USER "DAYBOOK_AI_TOKENS_PER_USER" = Value("1000000"), public,
        "Tokens for one user in a day (UTC), at least 10000. Without a model, they are estimated from \
         the length of the texts.";
    AI_TOKENS_PER_DAY "DAYBOOK_AI_TOKENS_PER_DAY" = Value("20000000"), public,
        "Tokens for all users together in a day (UTC), at least 10000. Without a key there is no \
         such limit by default.";
    AI_PARALLEL_PER_USER "DAYBOOK_AI_PARALLEL_PER_USER" = Value("4"), public,
        "Concurrent summaries for one user, in each process, 1 to 10000.";
    AI_PARALLEL "DAYBOOK_AI_PARALLEL" = Value("64"), public,
        "Concurrent summaries for all users together, in each process, 1 to 10000.";
    WEATHER_BASE_URL "WEATHER_BASE_URL" = Value("https://api.open-meteo.com"), public,
        "The forecast API: Open-Meteo, or a server with the same API.";
    GEOCODING_BASE_URL "GEOCODING_BASE_URL" = Value("https://geocoding-api.open-meteo.com"), public,
        "The geocoding API, from a city's name to its place: Open-Meteo, or a server with the same \
         API.";
    WEATHER_CACHE_LIFETIME "WEATHER_CACHE_LIFETIME" = Value("10m"), public,
        "A forecast is cached for this time, `0s` to `1d`.";
    RUST_LOG "RUST_LOG" = Value("info,actix_http=off"), public,
        "The log filter, for example `warn` or `info,daybook_api=debug`.";
}
