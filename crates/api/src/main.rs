//! The `daybook` binary.

fn main() -> std::process::ExitCode {
    daybook_api::run()
}
