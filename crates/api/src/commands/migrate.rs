//! `daybook migrate`: applies the pending migrations.

use std::process::ExitCode;

use daybook_persistence::Database;

use crate::config::Config;
use crate::failure::Failure;

pub(super) async fn run(config: Config) -> Result<ExitCode, Failure> {
    let applied = Database::open(&config.database_url)?.migrate().await?;
    println!("{}: {applied} migrations applied", config.database_url);
    Ok(ExitCode::SUCCESS)
}
