//! SQLite on a full or failing disk: writes get 503, reads continue, and writes continue once there
//! is space again.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::json;

use crate::harness::{
    Answer, Kind, PASSWORD, SHUTDOWN_TIMEOUT, Server, SmallDisk, Start, TEST_TIMEOUT, eventually,
};
use crate::resilience::{BUSY, titles};

/// A commit of this number of large notes is larger than SQLite's cache of 2 MB. So some writes
/// fail in their own statement, and not only in the commit.
const CLIENTS: usize = 40;

/// Creates notes from several clients at once, until each of them got a 503. Returns the titles of
/// the acknowledged ones.
async fn write_until_full(server: &Server, token: &str, length: usize) -> BTreeSet<String> {
    let writers = (0..CLIENTS).map(|writer| async move {
        let mut acknowledged = BTreeSet::new();
        for number in 0..2_000 {
            let title = format!("{length} {writer} {number}");
            let note = json!({ "title": &title, "content": "x".repeat(length) });
            let answer = server.post("/notes", token, &note).await;
            if answer.status == 201 {
                acknowledged.insert(title);
            } else {
                expect_busy(answer);
                return acknowledged;
            }
        }
        panic!("the disk never got full");
    });
    join_all(writers).await.into_iter().flatten().collect()
}

#[track_caller]
fn expect_busy(answer: Answer) {
    let answer = answer.expect_detail(StatusCode::SERVICE_UNAVAILABLE, BUSY);
    assert_eq!(answer.header("retry-after"), "1");
}

/// Reads in several ways, some at once, so that new connections for reads are opened.
async fn read_everything(server: &Server, token: &str, note: &str) {
    let reads = (0..32).map(|number| async move {
        let path = ["/notes?limit=20", note, "/users/me", "/health/ready"][number % 4];
        server.get(path, token).await.expect(StatusCode::OK);
    });
    join_all(reads).await;
}

async fn until_writes_succeed(server: &Server, token: &str) {
    eventually("a write", || async {
        let note = json!({ "title": "after", "content": "x".repeat(100_000) });
        let answer = server.post("/notes", token, &note).await;
        if answer.status != 201 {
            expect_busy(answer);
            return false;
        }
        true
    })
    .await;
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_disk_rejects_writes_and_serves_reads(#[values("own notes", "another file")] filled_by: &str) {
    let Some(disk) = SmallDisk::mount(24) else { return };
    let url = format!("sqlite://{}", disk.folder().join("day.db").display());
    // Without a secret in the environment, the file beside the database is read at each start.
    let start = Start::on(Kind::Sqlite).with("DATABASE_URL", &url).with("JWT_SECRET_KEY", "");
    let start = start.with("DAYBOOK_RATE_LIMIT", "off").wrapped(disk.wrapper());
    let mut server = start.start().await;
    disk.fill("ballast", 4);
    let token = server.user("ada").await;
    let first = json!({ "title": "first", "content": "x".repeat(50_000) });
    let first = server.post("/notes", &token, &first).await.expect(StatusCode::CREATED);
    let first = first.header("location").to_owned();
    let leaver = server.user("leaver").await;
    for number in 0..40 {
        let note = json!({ "title": format!("{number}"), "content": "x".repeat(100_000) });
        server.post("/notes", &leaver, &note).await.expect(StatusCode::CREATED);
    }
    let mut acknowledged = BTreeSet::from(["first".to_owned()]);
    if filled_by == "another file" {
        disk.fill("other", 24);
    }
    for length in [100_000, 300, 0] {
        acknowledged.extend(write_until_full(&server, &token, length).await);
        read_everything(&server, &token, &first).await;
    }
    // A delete needs space too: this one overwrites more pages than the cache has.
    let body = json!({ "current_password": PASSWORD });
    expect_busy(server.send(Method::DELETE, "/users/me", &leaver, &body).await);
    assert_eq!(titles(&server, &leaver).await.len(), 40);
    expect_busy(server.login_form(&[("username", "ada"), ("password", PASSWORD)]).await);
    let is_lost = |stored: &BTreeSet<String>| !acknowledged.is_subset(stored);
    assert!(!is_lost(&titles(&server, &token).await));

    // A process that starts on the full disk serves reads, too.
    server.kill().await;
    server = start.start().await;
    read_everything(&server, &token, &first).await;
    assert!(!is_lost(&titles(&server, &token).await));

    disk.remove("ballast");
    until_writes_succeed(&server, &token).await;
    server.login("ada").await;
    assert!(!is_lost(&titles(&server, &token).await));
    let check = "import sqlite3, sys\n\
        print(sqlite3.connect(sys.argv[1] + '/day.db').execute('PRAGMA integrity_check').fetchone()[0])";
    assert_eq!(disk.python(check), "ok");
    server.signal("TERM");
    assert_eq!(server.exit_code(SHUTDOWN_TIMEOUT).await, Some(0), "{}", server.log());
}

/// Sets the largest size of a file that the service may write. Larger writes fail with `EFBIG`,
/// which SQLite reports as an I/O error and not as a full disk.
fn limit_files(server: &Server, bytes: &str) {
    let id = server.process.id().expect("the process runs").to_string();
    let status = std::process::Command::new("prlimit")
        .args(["--pid", &id, &format!("--fsize={bytes}:unlimited")])
        .status();
    assert!(status.expect("prlimit of util-linux").success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failing_disk_rejects_writes_and_serves_reads() {
    // Without the trap, the signal SIGXFSZ would end the process at its first large write.
    let wrapper = ["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""].map(ToOwned::to_owned).to_vec();
    let server = Start::on(Kind::Sqlite).with("DAYBOOK_RATE_LIMIT", "off").wrapped(wrapper).start().await;
    let token = server.user("ada").await;
    let first = json!({ "title": "first", "content": "x".repeat(50_000) });
    let first = server.post("/notes", &token, &first).await.expect(StatusCode::CREATED);
    let first = first.header("location").to_owned();
    limit_files(&server, "4000000");
    let mut acknowledged = BTreeSet::from(["first".to_owned()]);
    for length in [100_000, 300] {
        acknowledged.extend(write_until_full(&server, &token, length).await);
        read_everything(&server, &token, &first).await;
    }
    limit_files(&server, "unlimited");
    until_writes_succeed(&server, &token).await;
    let stored = titles(&server, &token).await;
    assert!(acknowledged.is_subset(&stored), "{:?}", acknowledged.difference(&stored));
    assert_eq!(server.query("PRAGMA integrity_check"), "ok");
}
