//! `daybook secret`: prints a new random secret for `JWT_SECRET_KEY`.

use std::process::ExitCode;

use daybook_auth::Secret;

use crate::failure::Failure;

pub(super) fn run() -> Result<ExitCode, Failure> {
    println!("{}", Secret::generate()?.expose());
    Ok(ExitCode::SUCCESS)
}
