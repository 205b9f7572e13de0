//! The signing secret of a service on SQLite that was given none: made once, kept beside the database.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use daybook_auth::Secret;

use crate::config::Config;

/// Takes the secret from its file, which is made if it is not there. Does nothing if a secret is configured.
///
/// # Errors
///
/// When the file cannot be read or made, or holds no good secret.
pub(crate) fn fill_in(config: &mut Config) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    if let (None, Some(database)) = (&config.jwt_secret, config.database_url.sqlite_path()) {
        config.jwt_secret = Some(read_or_make(&beside(database))?);
    }
    Ok(())
}

/// The same, but the file has to be there.
///
/// # Errors
///
/// When the file cannot be read, or holds no good secret.
pub(crate) fn read_in(config: &mut Config) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    if let (None, Some(database)) = (&config.jwt_secret, config.database_url.sqlite_path()) {
        config.jwt_secret = Some(read(&beside(database))?);
    }
    Ok(())
}

/// `data/daybook.db` has its secret in `data/daybook.db.jwt-secret`.
fn beside(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(".jwt-secret");
    path.into()
}

fn read_or_make(path: &Path) -> Result<Secret, Box<dyn std::error::Error + Send + Sync>> {
    if !path.exists() {
        make(path).map_err(|cause| format!("the secret cannot be kept in {}: {cause}", path.display()))?;
        tracing::info!(file = %path.display(), "made a secret to sign access tokens with");
    }
    read(path)
}

fn read(path: &Path) -> Result<Secret, Box<dyn std::error::Error + Send + Sync>> {
    let text = fs::read_to_string(path)
        .map_err(|cause| format!("the secret in {} cannot be read: {cause}", path.display()))?;
    Secret::parse(text.trim()).map_err(|weak| format!("the secret in {} {weak}", path.display()).into())
}

/// Written whole under another name and then linked: of several instances that start together the first decides, and none ever
/// reads half a secret.
fn make(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        // The database will be there too, and both are for their owner alone.
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let secret = Secret::generate().map_err(io::Error::other)?;
    let mut draft = path.as_os_str().to_owned();
    // Not the process id: two containers on one volume both have 1.
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
    fn eight_that_start_together_have_one_secret() {
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
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no draft is left behind");
    }

    #[test]
    fn a_bad_secret_in_the_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("day.db.jwt-secret");
        fs::write(&path, "short").unwrap();
        assert!(read_or_make(&path).is_err());
    }
}
