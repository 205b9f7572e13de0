//! `daybook serve`.

use std::process::ExitCode;

use super::Failure;
use crate::config::Config;
use crate::secret_file;
use crate::server::Server;
use crate::state::State;

pub(super) async fn run(mut config: Config) -> Result<ExitCode, Failure> {
    secret_file::fill_in(&mut config)?;
    let state = State::new(&config)?;
    let applied = state.database.migrate().await?;
    if applied > 0 {
        tracing::info!(applied, database = %config.database_url, "migrated");
    }
    let server = Server::bind(&config, state)?;
    // The one line that scripts wait for.
    println!("daybook listens on http://{}", server.address());
    server.run().await?;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}
