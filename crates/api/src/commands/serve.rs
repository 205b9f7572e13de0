//! `daybook serve`: applies the migrations, binds the address and serves until a signal.

use std::process::ExitCode;

use crate::config::Config;
use crate::failure::Failure;
use crate::server::Server;
use crate::state::State;
use crate::token_keys;

pub(super) async fn run(config: Config) -> Result<ExitCode, Failure> {
    let keys = token_keys::make(&config)?;
    let state = State::new(&config, keys)?;
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
