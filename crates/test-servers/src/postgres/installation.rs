//! The programs of the installed PostgreSQL, and the user that may run them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

pub(super) const MISSING: &str =
    "PostgreSQL's server is not installed. Debian and Ubuntu: apt-get install postgresql";

/// Finds the folder of the programs: the newest version in Debian's folder, or else in a folder of
/// `PATH`.
pub(super) fn bin_folder() -> PathBuf {
    let debian = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"));
    let path = env::var_os("PATH").unwrap_or_default();
    let version = |bin: &PathBuf| -> u32 {
        let name = bin.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        name.and_then(|name| name.parse().ok()).unwrap_or(0)
    };
    let found = debian.chain(env::split_paths(&path)).filter(|bin| bin.join("initdb").exists());
    found.max_by_key(version).unwrap_or_else(|| panic!("{MISSING}"))
}

pub(super) fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

/// Returns a command that runs a program of PostgreSQL, as the user `postgres` under root.
pub(super) fn as_postgres(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(program);
    command
}

/// Makes the user `postgres` the owner of a path, if this process runs as root.
pub(super) fn give_to_postgres(path: &Path) {
    if is_root() {
        run(Command::new("chown").arg("postgres").arg(path));
    }
}

/// Runs a command to its end. Panics if the command fails.
pub(super) fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}. {MISSING}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}
