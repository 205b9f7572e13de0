//! `daybook secret`.

use std::process::ExitCode;

use daybook_auth::Secret;

use super::failure::Failure;

pub(super) fn run() -> Result<ExitCode, Failure> {
    println!("{}", Secret::generate()?.expose());
    Ok(ExitCode::SUCCESS)
}
