//! SQLite URLs.

use std::path::PathBuf;

use super::error::{UrlError, fail};
use super::location::SqliteLocation;

/// Characters that other programs expand, decode or take for the end of the path.
const UNUSUAL: [char; 11] = ['$', '%', '"', '\'', '\\', ';', '&', '*', '<', '>', '|'];

/// Parses the part of a URL after `sqlite://`.
///
/// SQLAlchemy writes `sqlite:///app.db` for a relative path and `sqlite:////app.db` for an absolute
/// one. Such a URL most likely names the file of an older service. It is rejected, because it would
/// otherwise open a new file in the root folder.
pub(super) fn parse(path: &str) -> Result<SqliteLocation, UrlError> {
    let name = path.trim_start_matches('/');
    if name.is_empty() || path.ends_with('/') {
        return fail("must be sqlite:// and the path of a file");
    }
    // The database in memory, and the URIs of SQLite.
    let is_special = |part: &str| part.eq_ignore_ascii_case(":memory:") || part.starts_with("file:");
    if path.contains(['?', '#', '\0']) || name.starts_with(':') || path.split('/').any(is_special) {
        return fail(
            "must be sqlite:// and the path of a file, without parameters; \
             a database in memory would lose every note",
        );
    }
    if path.trim() != path || path.contains(char::is_control) {
        return fail("has white space around the path, or a control character in it");
    }
    if let Some(other) = path.chars().find(|c| UNUSUAL.contains(c)) {
        return fail(format!(
            "has the character {other} in the path, which is not expanded or decoded: write the path itself"
        ));
    }
    // The host of another program's URL, and a drive or a scheme.
    let first = path.split('/').next().unwrap_or_default();
    if first.contains(['@', ':']) || first == "localhost" {
        return fail("must be sqlite:// and the path of a file, without a host");
    }
    if name.starts_with('~') {
        return fail("has a ~, which is not expanded: write the path of the home folder");
    }
    let own = "the service needs a file of its own, not that of the old service";
    if path.starts_with("//") {
        return fail(format!("has four slashes: write sqlite:///{name} for an absolute path; {own}"));
    }
    if path.starts_with('/') && path.split('/').skip(2).any(|part| part == "..") {
        return fail("has .. in an absolute path: write the path without it");
    }
    let is_in_root = !name.contains('/');
    if path.starts_with('/') && (is_in_root || name.starts_with("./") || name.starts_with("../")) {
        let relative = name.trim_start_matches(['.', '/']);
        let relative = if name.starts_with("..") { name } else { relative };
        return fail(format!(
            "has three slashes, which begin an absolute path: write sqlite://{relative} for a relative \
             one; {own}"
        ));
    }
    Ok(SqliteLocation { path: PathBuf::from(path), creates_folder: !path.starts_with('/') })
}
