//! `daybook vacuum`: rebuilds the SQLite file.

use std::process::ExitCode;

use daybook_persistence::Database;

use crate::config::Config;
use crate::failure::Failure;

pub(super) async fn run(config: Config) -> Result<ExitCode, Failure> {
    Database::open(&config.database_url)?.vacuum().await?;
    match config.database_url.sqlite_path() {
        Some(_) => println!("{}: rebuilt", config.database_url),
        None => println!("{}: PostgreSQL needs no rebuild", config.database_url),
    }
    Ok(ExitCode::SUCCESS)
}
