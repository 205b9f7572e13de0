//! `daybook serve`: applies the migrations, binds the address and serves until a signal.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::thread;

use daybook_persistence::Database;

use crate::config::Config;
use crate::failure::Failure;
use crate::server::Server;
use crate::state::State;
use crate::telemetry::LogQueue;
use crate::token_keys;

pub(super) async fn run(config: Config, log: &LogQueue) -> Result<ExitCode, Failure> {
    // First, because an unusable folder of SQLite has the clearest error here. The secret is in the
    // same folder.
    let database = Database::open(&config.database_url)?;
    if let Some(path) = config.database_url.sqlite_path() {
        tracing::info!(file = %std::path::absolute(path)?.display(), "opened the database");
    }
    let keys = token_keys::make(&config)?;
    let state = State::new(&config, database, keys)?;
    state.metrics.register(log.lost().clone())?;
    let applied = state.database.migrate().await?;
    if applied > 0 {
        tracing::info!(applied, database = %config.database_url, "migrated");
    }
    let server = Server::bind(&config.server, state)?;
    print_address(server.address())?;
    server.run().await?;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Prints the one line that scripts wait for. A thread does it, since standard output may be a full
/// pipe that nothing reads. The service also runs if the line cannot be written.
fn print_address(address: SocketAddr) -> io::Result<()> {
    let print = move || drop(writeln!(io::stdout(), "daybook listens on http://{address}"));
    thread::Builder::new().name("address".to_owned()).spawn(print)?;
    Ok(())
}
