//! Sessions outside the database: when they were last active, and what the log and other instances
//! learn of them.

mod activity;
pub(crate) mod audit;
mod ended;

pub(crate) use self::activity::ActivityRecorder;
pub(crate) use self::ended::publish;
