//! The command line.

mod check;
mod healthcheck;
mod migrate;
mod secret;
mod serve;
mod token;
mod vacuum;

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::config::{Config, Environment, bind_address};
use crate::failure::{Failure, with_causes};
use crate::openapi::document;
use crate::telemetry::{self, LogQueue};

/// How long the end of the process waits for a reader of the log. With the 25 s in which the
/// service stops, it is less than the 30 s after which orchestrators kill.
const LOG_FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// Accounts, notes, tasks with the weather and AI summaries over HTTP.
///
/// Without a command it serves. Everything is configured by environment variables, or by a `.env`
/// file in the working directory.
#[derive(Debug, Parser)]
#[command(name = "daybook", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Applies migrations, then serves until SIGTERM or SIGINT (the default)
    Serve,
    /// Applies the pending migrations
    Migrate,
    /// Rebuilds the SQLite file, without the remains of deleted texts; writes wait meanwhile
    Vacuum,
    /// Checks the configuration and the servers that it names; exits with 1 after a problem
    Check,
    /// Prints the OpenAPI document
    Openapi,
    /// Prints a fresh secret for JWT_SECRET_KEY
    Secret,
    /// Examines access tokens
    #[command(subcommand)]
    Token(token::Command),
    /// Asks the service at DAYBOOK_BIND if it is ready; exits with 1 if it is not
    Healthcheck,
}

/// Runs the command of the process' arguments to its end.
#[must_use]
pub fn run() -> ExitCode {
    let command = Arguments::parse().command.unwrap_or(Command::Serve);
    let log = match LogQueue::start(io::stderr()) {
        Ok(log) => log,
        Err(failure) => {
            eprintln!("daybook: {}", with_causes(&*failure));
            return ExitCode::FAILURE;
        }
    };
    let code = dispatch(command, &log).unwrap_or_else(|failure| {
        log.push(format!("daybook: {}\n", with_causes(&*failure)).as_bytes());
        ExitCode::FAILURE
    });
    log.flush(LOG_FLUSH_TIMEOUT);
    code
}

fn dispatch(command: Command, log: &LogQueue) -> Result<ExitCode, Failure> {
    match command {
        Command::Serve => block_on(serve::run(configure(log)?, log)),
        Command::Migrate => block_on(migrate::run(configure(log)?)),
        Command::Vacuum => block_on(vacuum::run(configure(log)?)),
        Command::Check => block_on(check::run(configure(log)?)),
        Command::Token(command) => block_on(token::run(configure(log)?, command)),
        // Only the address matters here, so no other setting can make the check fail.
        Command::Healthcheck => block_on(healthcheck::run(bind_address(&Environment::read()?)?)),
        Command::Secret => secret::run(),
        Command::Openapi => {
            println!("{}", document()?.to_pretty_json()?);
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Reads the configuration and starts the log.
fn configure(log: &LogQueue) -> Result<Config, Failure> {
    let config = Config::from_environment(&Environment::read()?)?;
    telemetry::start(&config.log, log)?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    Ok(config)
}

fn block_on(work: impl Future<Output = Result<ExitCode, Failure>>) -> Result<ExitCode, Failure> {
    actix_web::rt::System::new().block_on(work)
}
