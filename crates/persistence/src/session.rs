//! Sessions: a login opens one, refresh tokens keep it in use, and it ends or expires.

mod digest;
mod ending;
mod lookup;
mod opening;
mod query;
mod rotation;
mod verdict;

pub use self::digest::{FamilyDigest, TokenDigest};
pub use self::ending::EndedSessions;
pub(crate) use self::ending::{Ending, end_sessions};
pub use self::lookup::Activity;
pub use self::opening::{Login, Opened};
pub(crate) use self::query::GRACE_SECONDS;
pub use self::rotation::Refresh;
pub use self::verdict::{RefreshPreview, Refreshed, Rotation};
