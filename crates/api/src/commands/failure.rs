//! Why a command failed, as the operator sees it.

/// The error of a command. It is printed with its causes.
pub(super) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// An error with all of its causes, in one line.
pub(super) fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
