#![doc = include_str!("../README.md")]

mod backend;
mod database;
mod error;
mod event;
mod migrations;
mod note;
mod postgres;
mod reader;
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

pub use database::Database;
pub use error::{Error, Field};
pub use reader::Reader;
pub use session::{Activity, Digest, Login, Opened, Refresh, Refreshed, Rotation};
pub use summary::{NewSummary, SummaryKey};
pub use url::{DatabaseUrl, UrlError};
pub use usage::{Budget, NoRoom, Reservation, Spent};
pub use user::{Credentials, NewUser};
