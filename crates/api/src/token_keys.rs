//! Makes the keys of access tokens from the configured secret, or from a file beside the SQLite
//! database.

use std::path::{Path, PathBuf};

use daybook_auth::{Secret, SecretFileError, TokenKeys};

use crate::config::Config;
use crate::failure::Failure;

/// Returns the keys of access tokens. A secret that is not configured is read from its file, which
/// is created if it does not exist.
///
/// # Errors
///
/// When the file cannot be read or created, or its secret is too weak.
pub(crate) fn make(config: &Config) -> Result<TokenKeys, Failure> {
    keys(config, |path| {
        let (secret, created) = Secret::read_or_create_file(path)?;
        if created {
            tracing::info!(file = %path.display(), "made a secret to sign access tokens with");
        }
        Ok(secret)
    })
}

/// Returns the keys of access tokens of a service that has run before. Creates no file.
///
/// # Errors
///
/// When the file cannot be read, or its secret is too weak.
pub(crate) fn existing(config: &Config) -> Result<TokenKeys, Failure> {
    keys(config, Secret::read_file)
}

fn keys(
    config: &Config,
    from_file: impl FnOnce(&Path) -> Result<Secret, SecretFileError>,
) -> Result<TokenKeys, Failure> {
    let secret = match (&config.security.secret, config.database_url.sqlite_path()) {
        (Some(secret), _) => secret.clone(),
        (None, Some(database)) => from_file(&beside(database))?,
        (None, None) => return Err("JWT_SECRET_KEY is not set".into()),
    };
    Ok(config.security.token_keys(secret))
}

/// The secret of `data/daybook.db` is in `data/daybook.db.jwt-secret`.
fn beside(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(".jwt-secret");
    path.into()
}
