//! `daybook serve`: applies the migrations, binds the address and serves until a signal.

use std::process::ExitCode;

use daybook_persistence::Database;

use crate::config::Config;
use crate::failure::Failure;
use crate::server::Server;
use crate::state::State;
use crate::token_keys;

pub(super) async fn run(config: Config) -> Result<ExitCode, Failure> {
    // First, because an unusable folder of SQLite has the clearest error here. The secret is in the
    // same folder.
    let database = Database::open(&config.database_url)?;
    if let Some(path) = config.database_url.sqlite_path() {
        tracing::info!(file = %std::path::absolute(path)?.display(), "opened the database");
    }
    let keys = token_keys::make(&config)?;
    let state = State::new(&config, database, keys)?;
    let applied = state.database.migrate().await?;
    if applied > 0 {
        tracing::info!(applied, database = %config.database_url, "migrated");
    }
    let server = Server::bind(&config.server, state)?;
    // The one line that scripts wait for.
    println!("daybook listens on http://{}", server.address());
    server.run().await?;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}
