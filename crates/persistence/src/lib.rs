#![doc = include_str!("../README.md")]

mod access;
mod backend;
mod budget;
mod credentials;
mod database;
mod error;
mod event;
mod handle;
mod migrations;
mod note;
mod place;
mod postgres;
mod schema;
mod session;
mod sqlite;
mod summary;
mod task;
mod time;
mod unit;
mod url;
mod usage;
mod user;

pub use access::Access;
pub use budget::{Budget, OverBudget};
pub use credentials::Credentials;
pub use database::Database;
pub use daybook_domain::{Spent, SummaryKey};
pub use error::{Error, Field};
pub use session::{
    Activity, EndedSessions, FamilyDigest, Login, Opened, Refresh, Refreshed, Rotation, TokenDigest,
};
pub use summary::NewSummary;
pub use url::{DatabaseUrl, UrlError};
pub use usage::Reservation;
pub use user::NewUser;
