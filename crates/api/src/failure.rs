//! The error type of commands, and `with_causes`, which shows any error with its causes in one
//! line.

use std::error::Error;

/// Why a command or the start of the service failed. It is printed with its causes.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// The error and all of its causes, in one line.
pub(crate) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
