//! The settings of signing secrets, legacy tokens, registration, the password policy, password
//! hashing and rate limits.

use daybook_auth::{PasswordPolicy, Secret, TokenKeys};

use super::hashing::HashingConfig;
use super::rate_limits::{self, RateLimitConfig};
use super::reader::SettingReader;
use super::settings;
use super::switch::switch;

/// The settings of tokens and passwords. Its `Debug` shows no secret, since none of its parts does.
#[derive(Debug, Clone)]
pub(crate) struct SecurityConfig {
    /// `JWT_SECRET_KEY`; `None` only with SQLite, where a secret is made at the first start.
    pub(crate) secret: Option<Secret>,
    /// `JWT_PREVIOUS_SECRET_KEYS`: they only verify, while the secret is being replaced.
    previous_secrets: Vec<Secret>,
    /// `DAYBOOK_ACCEPT_LEGACY_TOKENS`: accepts tokens of the service that daybook replaced.
    accept_legacy_tokens: bool,
    /// `DAYBOOK_REGISTRATION`: any client can register an account.
    pub(crate) registration_is_open: bool,
    pub(crate) password_policy: PasswordPolicy,
    pub(crate) hashing: HashingConfig,
    /// `DAYBOOK_RATE_LIMIT`; `None` if it is `off`.
    pub(crate) rate_limits: Option<RateLimitConfig>,
}

impl SecurityConfig {
    /// `needs_secret` is true if no secret can be made beside the database.
    pub(super) fn read(reader: &mut SettingReader<'_>, needs_secret: bool) -> Option<Self> {
        let secret = reader.read(&settings::JWT_SECRET_KEY, Secret::parse);
        if needs_secret && !reader.is_set(settings::JWT_SECRET_KEY.name) {
            let sentence =
                "must be set with PostgreSQL: at least 32 random bytes, the same on every instance";
            reader.problem(&settings::JWT_SECRET_KEY, sentence);
        }
        let previous_secrets = reader.read(&settings::JWT_PREVIOUS_SECRET_KEYS, secrets);
        let accept_legacy_tokens = reader.read(&settings::ACCEPT_LEGACY_TOKENS, switch);
        let registration_is_open = reader.read(&settings::REGISTRATION, is_open);
        let password_policy = reader.read(&settings::PASSWORD_POLICY, str::parse);
        let hashing = HashingConfig::read(reader);
        let rate_limits = reader.read(&settings::RATE_LIMIT, rate_limits::parse);
        if rate_limits == Some(None) {
            reader.warn(
                "DAYBOOK_RATE_LIMIT is off: passwords may be guessed and requests sent without a limit",
            );
        }
        Some(Self {
            secret,
            previous_secrets: previous_secrets.unwrap_or_default(),
            accept_legacy_tokens: accept_legacy_tokens?,
            registration_is_open: registration_is_open?,
            password_policy: password_policy?,
            hashing: hashing?,
            rate_limits: rate_limits?,
        })
    }

    /// Returns the keys that sign with this secret, and verify with the previous ones as well.
    pub(crate) fn token_keys(&self, secret: Secret) -> TokenKeys {
        let keys = TokenKeys::new(secret).with_previous(self.previous_secrets.clone());
        keys.accept_legacy(self.accept_legacy_tokens)
    }
}

/// Parses a JSON array of secrets, or a list that is separated by commas. The list cannot contain
/// every secret, because its parts are trimmed.
fn secrets(text: &str) -> Result<Vec<Secret>, String> {
    let text = text.trim();
    if text.starts_with('[') {
        // The error of serde_json may quote a secret.
        let array: Vec<String> = serde_json::from_str(text).map_err(|_| NOT_AN_ARRAY)?;
        return array.iter().map(|secret| Secret::parse(secret).map_err(|weak| weak.to_string())).collect();
    }
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let parse = |part| {
        Secret::parse(part).map_err(|weak| match text.contains(',') {
            true => format!("has a part between commas that {weak}{IF_A_COMMA}"),
            false => weak.to_string(),
        })
    };
    parts.map(parse).collect()
}

const NOT_AN_ARRAY: &str =
    r#"begins with [ and is not a JSON array of strings, like ["first secret","second secret"]"#;
const IF_A_COMMA: &str =
    r#": write a secret that contains a comma in a JSON array, like ["first secret","second secret"]"#;

fn is_open(text: &str) -> Result<bool, &'static str> {
    match text {
        "open" => Ok(true),
        "closed" => Ok(false),
        _ => Err("must be open or closed"),
    }
}
