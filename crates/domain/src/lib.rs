#![doc = include_str!("../README.md")]

mod actor;
mod content_hash;
mod draft;
mod due_date;
mod email;
mod event;
mod id;
mod language;
mod names;
mod note;
mod page;
mod session;
mod summary;
mod summary_options;
mod task;
mod text;
mod time;
mod usage;
mod user;

pub use actor::{Actor, Origin};
pub use content_hash::ContentHash;
pub use due_date::{DueDate, DueDateError};
pub use email::{Email, EmailError};
pub use event::{Event, EventKind};
pub use id::{EventId, NoteId, SessionId, SummaryId, TaskId, UserId};
pub use language::{LanguageTag, LanguageTagError};
pub use note::{Note, NoteDraft, NotePatch};
pub use page::{Cursor, CursorError, Limit, LimitError, Page, PageRequest};
pub use session::{EndReason, Session, SessionPolicy};
pub use summary::{Summary, SummaryKey, SummaryStatus};
pub use summary_options::{SummaryLength, SummaryLengthError, SummaryOptions};
pub use task::{Place, Task, TaskDraft, TaskPatch};
pub use text::{City, Content, TextError, Title};
pub use time::Timestamp;
pub use usage::{Day, Spent, Usage};
pub use user::{User, Username};
