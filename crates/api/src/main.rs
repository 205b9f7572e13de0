//! The `daybook` binary.

use std::process::ExitCode;

use clap::Parser;
use daybook_api::commands::{self, Arguments};

fn main() -> ExitCode {
    commands::run(Arguments::parse())
}
