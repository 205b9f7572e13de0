//! Errors of real SQLite files.

use std::fs;
use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use tempfile::TempDir;

use super::*;

/// Returns a file with a table of a few pages.
fn file() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("day.db").to_str().unwrap().to_owned();
    let table =
        "PRAGMA journal_mode = WAL; CREATE TABLE t (n BLOB); INSERT INTO t VALUES (randomblob(20000))";
    open(&path).batch_execute(table).unwrap();
    (folder, path)
}

fn open(path: &str) -> SqliteConnection {
    SqliteConnection::establish(path).unwrap()
}

const INSERT: &str = "INSERT INTO t VALUES (randomblob(20000))";
const READ: &str = "SELECT sum(length(n)) FROM t";

#[test]
fn full_locked_and_read_only_files_are_unavailable() {
    let (_folder, path) = file();
    let (mut one, mut two) = (open(&path), open(&path));
    one.batch_execute("BEGIN IMMEDIATE").unwrap();
    assert_transient(two.batch_execute(INSERT), "database is locked");
    one.batch_execute("COMMIT; PRAGMA max_page_count = 1").unwrap();
    assert_transient(one.batch_execute(INSERT), "database or disk is full");
    two.batch_execute("PRAGMA query_only = ON").unwrap();
    assert_transient(two.batch_execute(INSERT), "attempt to write a readonly database");
}

#[test]
fn files_that_cannot_be_opened_or_read_are_unavailable() {
    let (_folder, path) = file();
    fs::create_dir_all(format!("{path}-wal")).unwrap();
    assert_transient(open(&path).batch_execute(READ), "unable to open database file");
    // The device takes a write, but it cannot be synchronized.
    let unsafe_write = "PRAGMA journal_mode = MEMORY; CREATE TABLE t (n INTEGER)";
    assert_transient(open("/dev/null").batch_execute(unsafe_write), "disk I/O error");
}

#[test]
fn exhausted_memory_is_unavailable() {
    const LIMITED: &str = "DAYBOOK_TEST_OF_LITTLE_MEMORY";
    if std::env::var_os(LIMITED).is_none() {
        let name = "error::tests::sqlite::exhausted_memory_is_unavailable";
        let mut limited = std::process::Command::new("prlimit");
        limited.arg("--as=2000000000").arg(std::env::current_exe().unwrap()).args(["--exact", name]);
        let output = limited.env(LIMITED, "1").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
        return;
    }
    let (_folder, path) = file();
    let big = "SELECT length(group_concat(x, '')) FROM \
               (SELECT hex(zeroblob(400000000)) AS x UNION ALL SELECT hex(zeroblob(400000001)))";
    assert_transient(open(&path).batch_execute(big), "out of memory");
}

#[test]
fn damaged_files_and_bugs_are_internal() {
    let (_folder, path) = file();
    let size = fs::metadata(&path).unwrap().len();
    let mut bytes = fs::read(&path).unwrap();
    // The first page has the schema.
    bytes[4_096..].fill(0xff);
    fs::write(&path, bytes).unwrap();
    assert!(size > 2 * 4_096 && !Path::new(&format!("{path}-wal")).exists());
    assert_internal(open(&path).batch_execute(READ));
    fs::write(&path, "not a database ".repeat(1_000)).unwrap();
    assert_internal(open(&path).batch_execute(READ));
    let mut memory = open(":memory:");
    for statement in
        ["SELECT * FROM missing", "SELEC", "CREATE TABLE t (n INTEGER) STRICT; INSERT INTO t VALUES ('x')"]
    {
        assert_internal(memory.batch_execute(statement));
    }
}
