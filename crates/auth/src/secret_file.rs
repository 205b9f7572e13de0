//! A secret that is kept in a file and made at the first start.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::{Secret, WeakSecret};

/// Why there is no secret in a file.
///
/// `Display` is a whole sentence with the path and the cause. It holds no part of the secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretFileError {
    /// The file cannot be read, for example because it does not exist.
    #[error("the secret in {} cannot be read: {cause}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why it cannot be read.
        cause: io::Error,
    },
    /// The file has a secret that [`Secret::parse`] rejects.
    #[error("the secret in {} {cause}", .path.display())]
    Weak {
        /// The file.
        path: PathBuf,
        /// Why the secret is rejected.
        cause: WeakSecret,
    },
    /// The file or its folder cannot be created.
    #[error("the secret cannot be kept in {}: {cause}", .path.display())]
    NotCreated {
        /// The file.
        path: PathBuf,
        /// Why it cannot be created.
        cause: io::Error,
    },
}

impl Secret {
    /// Reads a secret from a file. Whitespace around it is ignored.
    ///
    /// # Errors
    ///
    /// [`SecretFileError::Unreadable`] if the file cannot be read or is not UTF-8.
    /// [`SecretFileError::Weak`] if [`Secret::parse`] rejects its content.
    pub fn read_file(path: &Path) -> Result<Self, SecretFileError> {
        let text = fs::read_to_string(path)
            .map_err(|cause| SecretFileError::Unreadable { path: path.to_owned(), cause })?;
        Self::parse(text.trim()).map_err(|cause| SecretFileError::Weak { path: path.to_owned(), cause })
    }

    /// Reads a secret from a file, after creating the file with a generated secret if it does not
    /// exist. Returns true as well if this call created the file.
    ///
    /// Only the owner can read the file (mode 0600) and the folders that are created for it (mode
    /// 0700). If several processes call this at the same time, the first one creates the file, and
    /// all return its secret.
    ///
    /// # Errors
    ///
    /// The errors of [`Secret::read_file`], and [`SecretFileError::NotCreated`] if the file cannot
    /// be created.
    pub fn read_or_create_file(path: &Path) -> Result<(Self, bool), SecretFileError> {
        let mut created = false;
        if !path.exists() {
            created =
                create(path).map_err(|cause| SecretFileError::NotCreated { path: path.to_owned(), cause })?;
        }
        Ok((Self::read_file(path)?, created))
    }
}

/// Creates the file. Returns false if another process has created it meanwhile.
///
/// The whole file is written under another name and then linked. Of several processes the first
/// link decides, and none reads an incomplete secret.
fn create(path: &Path) -> io::Result<bool> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
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
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::thread;

    use super::*;

    #[test]
    fn read_or_create_file_gives_one_secret_to_eight_instances() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new").join("day.db.jwt-secret");
        let starts: Vec<_> = (0..8)
            .map(|_| {
                let path = path.clone();
                thread::spawn(move || Secret::read_or_create_file(&path).unwrap())
            })
            .collect();
        let (secrets, created): (Vec<_>, Vec<_>) =
            starts.into_iter().map(|start| start.join().unwrap()).unzip();
        let mut secrets: Vec<_> = secrets.iter().map(Secret::expose).collect();
        secrets.dedup();
        assert_eq!(secrets.len(), 1);
        assert_eq!(created.into_iter().filter(|created| *created).count(), 1);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no draft remains");
    }

    #[test]
    fn read_or_create_file_rejects_a_weak_secret_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("day.db.jwt-secret");
        fs::write(&path, "short").unwrap();
        assert!(Secret::read_or_create_file(&path).is_err());
    }

    #[test]
    fn errors_name_the_file_and_the_cause() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("day.db.jwt-secret");
        let sentence = |error: Option<SecretFileError>| error.unwrap().to_string();
        let start = format!("the secret in {} cannot be read: ", path.display());
        assert!(sentence(Secret::read_file(&path).err()).starts_with(&start));
        fs::write(&path, "short").unwrap();
        assert_eq!(
            sentence(Secret::read_file(&path).err()),
            format!("the secret in {} has fewer than 32 bytes", path.display())
        );
        let below = path.join("secret");
        let start = format!("the secret cannot be kept in {}: ", below.display());
        assert!(sentence(Secret::read_or_create_file(&below).err()).starts_with(&start));
    }
}
