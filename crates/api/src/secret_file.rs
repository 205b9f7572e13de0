//! The signing secret of a service on SQLite without a configured one: made once and kept beside
//! the database.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use daybook_auth::{Secret, TokenKeys};

use crate::config::Config;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Returns the keys of access tokens. A secret that is not configured is read from its file, which
/// is made if it does not exist.
///
/// # Errors
///
/// When the file cannot be read or made, or its secret is too weak.
pub(crate) fn token_keys(config: &Config) -> Result<TokenKeys, Error> {
    keys(config, read_or_make)
}

/// Returns the keys of access tokens of a service that has run before. Makes no file.
///
/// # Errors
///
/// When the file cannot be read, or its secret is too weak.
pub(crate) fn existing_token_keys(config: &Config) -> Result<TokenKeys, Error> {
    keys(config, read)
}

fn keys(config: &Config, from_file: impl FnOnce(&Path) -> Result<Secret, Error>) -> Result<TokenKeys, Error> {
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

fn read_or_make(path: &Path) -> Result<Secret, Error> {
    if !path.exists() {
        make(path).map_err(|cause| format!("the secret cannot be kept in {}: {cause}", path.display()))?;
        tracing::info!(file = %path.display(), "made a secret to sign access tokens with");
    }
    read(path)
}

fn read(path: &Path) -> Result<Secret, Error> {
    let text = fs::read_to_string(path)
        .map_err(|cause| format!("the secret in {} cannot be read: {cause}", path.display()))?;
    Secret::parse(text.trim()).map_err(|weak| format!("the secret in {} {weak}", path.display()).into())
}

/// Writes the whole file under another name and then links it. Of several instances that start
/// together, the first decides, and none reads an incomplete secret.
fn make(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        // The database will be in the same folder. Both are for their owner only.
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let secret = Secret::generate().map_err(io::Error::other)?;
    let mut draft = path.as_os_str().to_owned();
    // The process id is no suffix: two containers on one volume both have id 1.
    draft.push(format!(".{:016x}", getrandom::u64().map_err(io::Error::other)?));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(secret.expose().as_bytes())?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::thread;

    use super::*;

    #[test]
    fn read_or_make_gives_one_secret_to_eight_instances() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new").join("day.db.jwt-secret");
        let starts: Vec<_> = (0..8)
            .map(|_| {
                let path = path.clone();
                thread::spawn(move || read_or_make(&path).unwrap().expose().to_owned())
            })
            .collect();
        let mut secrets: Vec<_> = starts.into_iter().map(|start| start.join().unwrap()).collect();
        secrets.dedup();
        assert_eq!(secrets.len(), 1);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no draft remains");
    }

    #[test]
    fn read_or_make_rejects_a_weak_secret_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("day.db.jwt-secret");
        fs::write(&path, "short").unwrap();
        assert!(read_or_make(&path).is_err());
    }
}
