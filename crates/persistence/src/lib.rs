#![doc = include_str!("../README.md")]

mod access;
mod account;
mod backend;
mod batch;
#[cfg(test)]
mod both_databases;
mod budget;
mod cleanup;
mod collision;
mod credentials;
mod database;
mod deletion;
mod error;
mod event;
mod field;
mod handle;
mod insert_if;
mod large;
mod live;
mod migrations;
mod name_keys;
mod note;
mod place;
mod postgres;
mod prepared;
mod retention;
mod row_lock;
mod schema;
mod server_time;
mod session;
mod short;
mod sqlite;
mod storage;
mod summary;
mod surplus_events;
mod task;
mod time;
mod unit;
mod url;
mod usage;
mod user;

pub use access::Access;
pub use batch::Batch;
pub use budget::{Budget, OverBudget};
pub use cleanup::Cleanup;
pub use collision::{Collision, Collisions};
pub use credentials::Credentials;
pub use database::Database;
pub use daybook_domain::{Spent, SummaryKey};
pub use error::Error;
pub use field::Field;
pub use session::{
    Activity, EndedSessions, FamilyDigest, Login, Opened, Refresh, RefreshPreview, Refreshed, Rotation,
    TokenDigest,
};
pub use storage::{Storage, TextBytes};
pub use summary::NewSummary;
pub use url::{DatabaseUrl, UrlError};
pub use usage::Reservation;
pub use user::NewUser;
