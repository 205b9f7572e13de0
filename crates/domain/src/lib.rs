#![doc = include_str!("../README.md")]

mod email;
mod event;
mod id;
mod note;
mod page;
mod session;
mod summary;
mod task;
mod text;
mod time;
mod usage;
mod user;

pub use email::{Email, EmailError, email_rule};
pub use event::{Event, EventKind};
pub use id::{EventId, NoteId, SessionId, SummaryId, TaskId, UserId};
pub use note::{Note, NoteDraft, NotePatch};
pub use page::{Cursor, CursorError, Limit, LimitError, Page, PageRequest};
pub use session::{EndReason, Origin, Session, SessionPolicy};
pub use summary::{ContentHash, Summary, SummaryLength, SummaryOptions, SummaryStatus, language_rule};
pub use task::{Place, Task, TaskDraft, TaskPatch, due_date_rule};
pub use time::Timestamp;
pub use usage::{Day, Usage};
pub use user::{User, Username, UsernameError, username_rule};
