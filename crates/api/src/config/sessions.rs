//! Reads the `SessionPolicy`: how long sessions last, and how many a user may have.

use std::time::Duration;

use daybook_domain::SessionPolicy;

use super::duration::duration;
use super::number::number;
use super::reader::SettingReader;
use super::settings;

/// Reads `DAYBOOK_SESSION_IDLE`, `DAYBOOK_SESSION_LIFETIME` and `DAYBOOK_SESSIONS_PER_USER`.
pub(super) fn read(reader: &mut SettingReader<'_>) -> Option<SessionPolicy> {
    let idle = reader.read(&settings::SESSION_IDLE, session_time);
    let lifetime = reader.read(&settings::SESSION_LIFETIME, session_time);
    let per_user = reader.read(&settings::SESSIONS_PER_USER, |text| number(text, 1..=1_000));
    Some(SessionPolicy {
        idle_seconds: seconds(idle?),
        lifetime_seconds: seconds(lifetime?),
        per_user: per_user?,
    })
}

/// At least a minute, and at most ten years.
fn session_time(text: &str) -> Result<Duration, &'static str> {
    duration(text, 60..=315_360_000, "must be a time between 1m and 3650d, like 14d or 12h")
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
