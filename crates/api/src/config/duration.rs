//! Durations as people write them: `90m`, `12h`, `14d`.

use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::{Span, SpanRelativeTo, Unit};

/// Parses a duration within a range of whole seconds.
///
/// # Errors
///
/// `sentence`, if the text is not a duration or the duration is not in the range.
pub(super) fn duration(
    text: &str,
    range: RangeInclusive<u64>,
    sentence: &'static str,
) -> Result<Duration, &'static str> {
    let seconds = whole_seconds(text).filter(|seconds| range.contains(seconds));
    seconds.map(Duration::from_secs).ok_or(sentence)
}

/// A day has 24 hours.
fn whole_seconds(text: &str) -> Option<u64> {
    let span: Span = text.parse().ok()?;
    let seconds = span.total((Unit::Second, SpanRelativeTo::days_are_24_hours())).ok()?;
    u64::try_from(seconds as i64).ok()
}
