//! Causes errors in real databases.

mod postgres;
mod sqlite;

use super::*;

/// Fails unless the error is transient because of this entry of the table.
#[track_caller]
fn assert_transient<T>(result: Result<T, impl Into<Error>>, entry: &str) {
    assert!(TRANSIENT.contains(&entry), "{entry} is not in the table");
    match result.map(drop).map_err(Into::into) {
        Err(Error::Unavailable(message)) => assert!(message.contains(entry), "{entry}: {message}"),
        other => panic!("{entry}: {other:?}"),
    }
}

#[track_caller]
fn assert_unavailable<T>(result: Result<T, impl Into<Error>>) {
    let result = result.map(drop).map_err(Into::into);
    assert!(matches!(result, Err(Error::Unavailable(_))), "{result:?}");
}

#[track_caller]
fn assert_internal<T>(result: Result<T, impl Into<Error>>) {
    let result = result.map(drop).map_err(Into::into);
    assert!(matches!(result, Err(Error::Internal(_))), "{result:?}");
}
