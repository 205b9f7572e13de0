//! What the binary can do.

mod check;
mod healthcheck;
mod migrate;
mod secret;
mod serve;
mod token;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, Environment};
use crate::telemetry;

/// Accounts, notes, tasks with the weather and AI summaries over HTTP.
///
/// Without a command it serves. Everything is configured by environment variables, or by a `.env` file in the working directory.
#[derive(Debug, Parser)]
#[command(name = "daybook", version)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Default, Subcommand)]
enum Command {
    /// Applies migrations, then serves until SIGTERM or SIGINT (the default)
    #[default]
    Serve,
    /// Applies the migrations that are not applied yet
    Migrate,
    /// Checks the configuration and what it points to; exits with 1 if something is wrong
    Check,
    /// Prints the OpenAPI document
    Openapi,
    /// Prints a fresh secret for JWT_SECRET_KEY
    Secret,
    /// What can be known about tokens
    #[command(subcommand)]
    Token(token::Command),
    /// Asks the service at DAYBOOK_BIND whether it is ready; exits with 1 if it is not
    Healthcheck,
}

/// Why a command failed: shown to the operator as it is.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs a command to its end and tells how it went.
#[must_use]
pub fn run(arguments: Arguments) -> ExitCode {
    let command = arguments.command.unwrap_or_default();
    match dispatch(command) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("daybook: {}", with_causes(&*failure));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Openapi => {
            println!("{}", crate::document_json()?);
            return Ok(ExitCode::SUCCESS);
        }
        Command::Secret => return secret::run(),
        _ => {}
    }
    let environment = Environment::read()?;
    if matches!(command, Command::Healthcheck) {
        // Only the address matters here, and a check that cannot log must not fail for it.
        return run_async(healthcheck::run(Config::bind(&environment)?));
    }
    let config = Config::from_environment(&environment)?;
    telemetry::start(&config.log)?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    match command {
        Command::Migrate => run_async(migrate::run(config)),
        Command::Check => run_async(check::run(config)),
        Command::Token(command) => run_async(token::run(config, command)),
        _ => run_async(serve::run(config)),
    }
}

fn run_async(work: impl Future<Output = Result<ExitCode, Failure>>) -> Result<ExitCode, Failure> {
    actix_web::rt::System::new().block_on(work)
}

/// An error with everything that led to it.
fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
