//! Summaries of notes. Each attempt is stored with its receipt, and a note shows one of them.

mod lookup;
mod new;
mod row;
mod store;

pub use self::new::NewSummary;
pub(crate) use self::row::Row;
