//! Invalid configurations: every problem is reported, and none shows a secret.

use super::settings::{DefaultValue, Setting};
use super::*;

const SECRET: &str = "xvXM9Z8pQ7YnK4mR2wL5bN6hJ3gF1dS0aT9cE8vP7uO6";

fn problems<const N: usize>(pairs: [(&str, &str); N]) -> Vec<String> {
    match Config::from_environment(&Environment::from(pairs)) {
        Ok(_) => Vec::new(),
        Err(ConfigError(problems)) => problems,
    }
}

#[test]
fn from_environment_needs_no_setting() {
    let config = Config::from_environment(&Environment::default()).unwrap();
    assert_eq!(config.server.bind.to_string(), "127.0.0.1:8080");
    assert_eq!(config.database_url.to_string(), "sqlite://data/daybook.db");
    assert!(config.summarizer.unwrap().provider.is_none());
    assert!(config.log.starts_with("info"));
    assert!(config.jobs);
}

#[test]
fn from_environment_names_each_invalid_setting() {
    let table = [
        ("DATABASE_URL", "mysql://localhost/x"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite://:memory:"),
        ("DATABASE_URL", "postgres://"),
        ("DATABASE_URL", "postgres://host"),
        ("DATABASE_URL", "postgres://u@h/d?sslmode=perhaps"),
        ("DATABASE_URL", "postgres://u@h/d?sslmode=allow"),
        ("JWT_SECRET_KEY", "short"),
        ("JWT_SECRET_KEY", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        ("JWT_SECRET_KEY", "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7"),
        ("JWT_PREVIOUS_SECRET_KEYS", "short"),
        ("JWT_PREVIOUS_SECRET_KEYS", "xvXM9Z8pQ7YnK4mR2wL5bN6hJ3gF1dS0aT9cE8vP7uO6,short"),
        ("JWT_PREVIOUS_SECRET_KEYS", "[\"short\"]"),
        ("JWT_PREVIOUS_SECRET_KEYS", "[\"xvXM9Z8pQ7YnK4mR2wL5bN6hJ3gF1dS0aT9cE8vP7uO6\""),
        ("JWT_PREVIOUS_SECRET_KEYS", " [xvXM9Z8pQ7YnK4mR2wL5bN6hJ3gF1dS0aT9cE8vP7uO6]"),
        ("JWT_PREVIOUS_SECRET_KEYS", "[\"xvXM9Z8pQ7YnK4mR2wL5bN6hJ3gF1dS0aT9cE8vP7uO6\", 1]"),
        ("DAYBOOK_REGISTRATION", "false"),
        ("DAYBOOK_BIND", "8080"),
        ("DAYBOOK_BIND", "localhost"),
        ("DAYBOOK_BIND", "127.0.0.1:99999"),
        ("DAYBOOK_BIND", "http://127.0.0.1:80"),
        ("DAYBOOK_WORKERS", "0"),
        ("DAYBOOK_WORKERS", "-1"),
        ("DAYBOOK_WORKERS", "many"),
        ("DAYBOOK_WORKERS", "513"),
        ("DAYBOOK_MAX_CONNECTIONS", "1"),
        ("DAYBOOK_MAX_CONNECTIONS", "all"),
        ("DAYBOOK_MAX_CONNECTIONS", "1000001"),
        ("DAYBOOK_MAX_CONNECTIONS_PER_ADDRESS", "0"),
        ("DAYBOOK_MAX_CONNECTIONS_PER_ADDRESS", "-1"),
        ("DAYBOOK_ACCEPT_LEGACY_TOKENS", "maybe"),
        ("DAYBOOK_PASSWORD_POLICY", "none"),
        ("DAYBOOK_ARGON2", "fast"),
        ("DAYBOOK_ARGON2", "m=65536"),
        ("DAYBOOK_ARGON2", "m=8,t=1,p=1"),
        ("DAYBOOK_ARGON2", "m=99999999,t=3,p=4"),
        ("DAYBOOK_ARGON2", "m=65536,t=3,p=4,x=1"),
        ("DAYBOOK_HASHING_THREADS", "0"),
        ("DAYBOOK_HASHING_THREADS", "513"),
        ("DAYBOOK_HASHING_THREADS", "all"),
        ("DAYBOOK_HASHING_MEMORY", "512"),
        ("DAYBOOK_HASHING_MEMORY", "19455KiB"),
        ("DAYBOOK_HASHING_MEMORY", "1025GiB"),
        ("DAYBOOK_SUMMARIZER", "magic"),
        ("OPENAI_BASE_URL", "api.openai.com"),
        ("OPENAI_BASE_URL", "ftp://api.openai.com"),
        ("OPENAI_SECRET_KEY", "with\nnewline"),
        ("WEATHER_BASE_URL", "not a url"),
        ("GEOCODING_BASE_URL", "https://u:p@host"),
        ("GEOCODING_BASE_URL", "https://u@host"),
        ("WEATHER_BASE_URL", "https://host?key=1"),
        ("OPENAI_BASE_URL", "https://host/v1#x"),
        ("RUST_LOG", "info,=,="),
        ("REDIS_URL", "127.0.0.1:6379"),
        ("REDIS_URL", "http://127.0.0.1:6379"),
        ("REDIS_URL", "redis://"),
        ("REDIS_URL", "rediss://127.0.0.1/#insecure"),
        ("REDIS_URL", "redis://user:6379?word@127.0.0.1/0"),
        ("REDIS_URL", "redis://user:6379/word@127.0.0.1/0"),
        ("DAYBOOK_RATE_LIMIT", "never"),
        ("DAYBOOK_RATE_LIMIT", "account=10"),
        ("DAYBOOK_RATE_LIMIT", "account=0/10m"),
        ("DAYBOOK_RATE_LIMIT", "address=10/10m,user=10/10m"),
        ("DAYBOOK_ITEMS_PER_USER", "0"),
        ("DAYBOOK_ITEMS_PER_USER", "-1"),
        ("DAYBOOK_ITEMS_PER_USER", "1000000001"),
        ("DAYBOOK_BYTES_PER_USER", "0"),
        ("DAYBOOK_BYTES_PER_USER", "1023KiB"),
        ("DAYBOOK_BYTES_PER_USER", "2GB"),
        ("DAYBOOK_BYTES_PER_USER", "unlimited"),
        ("DAYBOOK_TRUSTED_PROXIES", "localhost"),
        ("DAYBOOK_TRUSTED_PROXIES", "10.0.0.0/33"),
        ("DAYBOOK_TRUSTED_PROXIES", "0.0.0.0/0"),
        ("DAYBOOK_TRUSTED_PROXIES", "::/1,8000::/1"),
        ("DAYBOOK_ROOT_PATH", "api"),
        ("DAYBOOK_ROOT_PATH", "//api"),
        ("DAYBOOK_ROOT_PATH", "/api//"),
        ("DAYBOOK_ROOT_PATH", "https://host/api"),
        ("DAYBOOK_ROOT_PATH", "/a/../b"),
        ("DAYBOOK_ROOT_PATH", "/%2E%2e"),
        ("DAYBOOK_ROOT_PATH", "/a%2"),
        ("DAYBOOK_ROOT_PATH", "/a?b"),
        ("DAYBOOK_ROOT_PATH", "/a b"),
        ("DAYBOOK_ROOT_PATH", "/a\nb"),
        ("DAYBOOK_SESSION_IDLE", "14"),
        ("DAYBOOK_SESSION_IDLE", "0d"),
        ("DAYBOOK_SESSION_LIFETIME", "forever"),
        ("DAYBOOK_SESSION_LIFETIME", "-1d"),
        ("DAYBOOK_SESSION_LIFETIME", "11000d"),
        ("DAYBOOK_SESSIONS_PER_USER", "0"),
        ("DAYBOOK_JOBS", "sometimes"),
    ];
    for (name, value) in table {
        let found = problems([(name, value)]);
        assert!(found.iter().any(|problem| problem.starts_with(name)), "{name}={value}: {found:?}");
    }
}

#[test]
fn from_environment_reports_all_problems_at_once() {
    let found = problems([
        ("DATABASE_URL", "postgres://u:canary@h/d?sslmode=canary"),
        ("DAYBOOK_BIND", "nowhere"),
        ("DAYBOOK_WORKERS", "0"),
        ("OPENAI_SECRET_KEY", "canary\u{7f}canary"),
        ("JWT_PREVIOUS_SECRET_KEYS", "canary"),
        ("REDIS_URL", "https://:canary@host"),
    ]);
    assert_eq!(found.len(), 6, "{found:?}");
    assert!(!found.concat().contains("canary"), "{found:?}");
}

#[test]
fn previous_secrets_that_a_comma_list_cannot_contain_are_referred_to_json() {
    let whole = format!("canary,{SECRET}");
    let found = problems([("JWT_PREVIOUS_SECRET_KEYS", &whole)]);
    let expected = "JWT_PREVIOUS_SECRET_KEYS has a part between commas that has fewer than 32 bytes: write a \
                    secret that contains a comma in a JSON array, like [\"first secret\",\"second secret\"]";
    assert_eq!(found, [expected]);
    let array = serde_json::json!([whole, SECRET]).to_string();
    assert!(problems([("JWT_PREVIOUS_SECRET_KEYS", &array), ("JWT_SECRET_KEY", SECRET)]).is_empty());
    let alone = problems([("JWT_PREVIOUS_SECRET_KEYS", "canary")]);
    assert_eq!(alone, ["JWT_PREVIOUS_SECRET_KEYS has fewer than 32 bytes"]);
    let broken = problems([("JWT_PREVIOUS_SECRET_KEYS", "[canary]")]);
    assert!(
        broken[0].contains("is not a JSON array of strings") && !broken[0].contains("canary"),
        "{broken:?}"
    );
}

#[test]
fn from_environment_warns_of_an_address_beyond_loopback_without_trusted_proxies() {
    for (bind, proxies, count) in [
        ("127.0.0.1:8080", "", 0),
        ("127.9.9.9:8080", "", 0),
        ("[::1]:8080", "", 0),
        ("[::ffff:127.0.0.1]:8080", "", 0),
        ("0.0.0.0:8080", "", 1),
        ("[::]:8080", "", 1),
        ("192.0.2.1:8080", " , ", 1),
        ("[::]:8080", "10.0.0.1", 0),
    ] {
        let environment = Environment::from([("DAYBOOK_BIND", bind), ("DAYBOOK_TRUSTED_PROXIES", proxies)]);
        let warnings = Config::from_environment(&environment).unwrap().warnings;
        assert_eq!(warnings.len(), count, "{bind} {proxies}: {warnings:?}");
    }
}

#[test]
fn from_environment_requires_a_secret_with_postgres() {
    assert_eq!(problems([("DATABASE_URL", "postgres://u@h/d")]).len(), 1);
    assert_eq!(problems([("DATABASE_URL", "postgres://u@h/d"), ("JWT_SECRET_KEY", SECRET)]).len(), 0);
}

#[test]
fn summarizer_can_be_required_and_switched_off() {
    assert_eq!(problems([("DAYBOOK_SUMMARIZER", "openai")]).len(), 1);
    let off = Environment::from([("DAYBOOK_SUMMARIZER", "off"), ("OPENAI_SECRET_KEY", "sk-1")]);
    assert!(Config::from_environment(&off).unwrap().summarizer.is_none());
    let auto = Environment::from([("OPENAI_SECRET_KEY", "sk-1")]);
    let summarizer = Config::from_environment(&auto).unwrap().summarizer.unwrap();
    let provider = summarizer.provider.expect("there is a key");
    assert_eq!((provider.model.as_str(), provider.window), ("gpt-5-nano", 128_000));
}

#[test]
fn limits_of_summaries_apply_without_a_model() {
    let limits = |per_day, key| {
        let environment = Environment::from([
            ("DAYBOOK_AI_TOKENS_PER_USER", "10001"),
            ("DAYBOOK_AI_TOKENS_PER_DAY", per_day),
            ("DAYBOOK_AI_PARALLEL", "7"),
            ("OPENAI_SECRET_KEY", key),
        ]);
        Config::from_environment(&environment).unwrap().summarizer.unwrap().limits
    };
    for key in ["", "sk-1"] {
        let set = limits("10002", key);
        assert_eq!((set.budget.per_user, set.budget.of_all), (10_001, 10_002));
        assert_eq!((set.parallel_per_user, set.parallel), (4, 7));
    }
    assert_eq!(limits("", "sk-1").budget.of_all, 20_000_000);
    assert!(limits("", "").budget.of_all > i64::MAX / 8, "tokens without a model cost nothing");
}

#[test]
fn environment_ignores_blank_variables() {
    assert!(problems([("DAYBOOK_WORKERS", ""), ("JWT_SECRET_KEY", " "), ("DATABASE_URL", "")]).is_empty());
}

#[test]
fn debug_shows_no_secret() {
    let pairs = [
        ("JWT_SECRET_KEY", SECRET),
        ("OPENAI_SECRET_KEY", "sk-canary"),
        ("DATABASE_URL", "postgres://u:canary@h/d"),
        ("REDIS_URL", "rediss://:canary@h"),
    ];
    let printed = format!("{:?}", Config::from_environment(&Environment::from(pairs)).unwrap());
    assert!(!printed.contains("canary") && !printed.contains(SECRET), "{printed}");
}

#[test]
fn from_environment_reads_durations_and_quotas() {
    let environment = Environment::from([
        ("DAYBOOK_SESSION_IDLE", "36h"),
        ("DAYBOOK_SESSION_LIFETIME", "30d"),
        ("DAYBOOK_SESSIONS_PER_USER", "5"),
        ("DAYBOOK_RATE_LIMIT", "address=7/30s"),
    ]);
    let config = Config::from_environment(&environment).unwrap();
    let expected = SessionPolicy { idle_seconds: 129_600, lifetime_seconds: 2_592_000, per_user: 5 };
    assert_eq!(config.sessions, expected);
    let limits = config.security.rate_limits.unwrap();
    let daybook_attempts::RateLimits { account, address } = limits.attempts;
    assert_eq!((account.to_string(), address.to_string()), ("10/600s".into(), "7/30s".into()));
    assert!(config.warnings.is_empty());
    let off = Config::from_environment(&Environment::from([("DAYBOOK_RATE_LIMIT", "off")])).unwrap();
    assert!(off.security.rate_limits.is_none() && off.warnings.len() == 1);
}

#[test]
fn from_environment_reads_the_quota_of_each_user() {
    let default = Config::from_environment(&Environment::default()).unwrap().quota;
    assert_eq!(default, Storage { items: 1_000_000, bytes: 2 * 1024 * 1024 * 1024 });
    let environment =
        Environment::from([("DAYBOOK_ITEMS_PER_USER", "1"), ("DAYBOOK_BYTES_PER_USER", "1048576")]);
    let config = Config::from_environment(&environment).unwrap();
    assert_eq!(config.quota, Storage { items: 1, bytes: 1_048_576 });
}

#[test]
fn from_environment_reads_the_memory_of_hashing() {
    let memory = |value| Environment::from([("DAYBOOK_HASHING_MEMORY", value)]);
    for (value, kib) in [("512MiB", 512 << 10), ("19456KiB", 19_456), ("1TiB", 1 << 30), ("20000000", 19_531)]
    {
        let config = Config::from_environment(&memory(value)).unwrap();
        assert_eq!(config.security.hashing.memory_kib, Some(kib), "{value}");
    }
}

#[test]
fn root_path_loses_the_slash_at_its_end() {
    let table =
        [("/", ""), ("/api", "/api"), ("/api/", "/api"), ("/a/b.c", "/a/b.c"), ("/caf%C3%A9", "/caf%C3%A9")];
    for (value, expected) in table {
        let config = Config::from_environment(&Environment::from([("DAYBOOK_ROOT_PATH", value)])).unwrap();
        assert_eq!(config.server.root_path, expected, "{value}");
    }
    assert_eq!(Config::from_environment(&Environment::default()).unwrap().server.root_path, "");
}

#[test]
fn from_environment_warns_about_misspelled_names() {
    let environment = Environment::from([("DAYBOOK_WORKER", "2"), ("DAYBOOK_WORKERS", "2")]);
    let warnings = Config::from_environment(&environment).unwrap().warnings;
    assert_eq!(warnings, ["DAYBOOK_WORKER is set but has no effect in this version"]);
}

#[test]
fn problems_never_repeat_the_value_of_a_secret() {
    let values = ["canary", "canary://u:canary@h/d", "redis://:canary@h:canary", "canary\u{7f}canary"];
    for setting in settings::ALL.iter().filter(|setting| setting.is_secret) {
        let found: Vec<_> = values.iter().flat_map(|value| problems([(setting.name, *value)])).collect();
        assert!(found.iter().any(|problem| problem.starts_with(setting.name)), "{}", setting.name);
        assert!(!found.concat().contains("canary"), "{found:?}");
    }
}

#[test]
fn readme_and_env_example_show_the_table_of_settings() {
    let readme = include_str!("../../../../README.md");
    let example = include_str!("../../../../.env.example");
    let (mut rows, mut paragraphs) = (Vec::new(), Vec::new());
    for Setting { name, default, meaning, .. } in settings::ALL {
        let (shown, value) = match default {
            DefaultValue::Value(value) => (format!("`{value}` "), *value),
            DefaultValue::Found(description) => (format!("{description} "), ""),
            DefaultValue::Nothing => (String::new(), ""),
        };
        rows.push(format!("| `{name}` | {shown}| {meaning} |"));
        paragraphs.push(format!("# {meaning} #{name}={value}"));
    }
    let is_row = |line: &&str| {
        settings::ALL.iter().any(|setting| line.starts_with(&format!("| `{}` |", setting.name)))
    };
    assert_eq!(readme.lines().filter(is_row).collect::<Vec<_>>(), rows);
    // The first paragraph explains the file.
    let found = example.trim_end().split("\n\n").skip(1);
    let found: Vec<_> = found.map(|paragraph| paragraph.replace("\n# ", " ").replace('\n', " ")).collect();
    assert_eq!(found, paragraphs);
}
