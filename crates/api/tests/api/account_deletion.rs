//! The deletion of a large account: it is closed at once, and a background job deletes its rows.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::json;

use crate::harness::{Answer, Kind, PASSWORD, SHUTDOWN_TIMEOUT, Server, Start, TEST_TIMEOUT, eventually};

/// The number of notes of the deleted account. `just prove` sets more.
fn notes() -> usize {
    std::env::var("DAYBOOK_NOTES").map_or(20_000, |notes| notes.parse().expect("a number"))
}

/// The timeout for the end of the deletion. It is much longer than the deletion takes.
const DELETION_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// Inserts notes of this user by SQL.
fn insert_notes(server: &Server, kind: Kind, user: i64, count: usize) {
    let (now, numbers) = match kind {
        Kind::Postgres => ("now()", format!("generate_series(1, {count}) AS n")),
        Kind::Sqlite => (
            "unixepoch() * 1000000",
            format!(
                "(WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers \
                 WHERE n < {count}) SELECT n FROM numbers)"
            ),
        ),
    };
    server.execute(&format!(
        "INSERT INTO notes (user_id, title, content, created_at, updated_at) \
         SELECT {user}, 'note', '{CONTENT}', {now}, {now} \
         FROM {numbers}"
    ));
}

/// The content of all inserted notes.
const CONTENT: &str = "Some content of a usual length, which is one line.";

/// True if a file of an SQLite database has this text.
fn files_have(server: &Server, text: &str) -> bool {
    let files = std::fs::read_dir(server.folder()).unwrap().map(|file| file.unwrap().path());
    let mut contents = files.filter_map(|file| std::fs::read(file).ok());
    contents.any(|bytes| memchr::memmem::find(&bytes, text.as_bytes()).is_some())
}

/// Waits until no file of an SQLite database has this text.
async fn wait_until_no_file_has(server: &Server, text: &str) {
    // Without the wake of the job, it runs after half a minute or later.
    let deadline = Instant::now() + Duration::from_secs(20);
    while files_have(server, text) {
        assert!(Instant::now() < deadline, "a file still has {text:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn delete_account(server: &Server, token: &str) -> Answer {
    server.send(Method::DELETE, "/users/me", token, &json!({ "current_password": PASSWORD })).await
}

/// Returns a query for the number of rows of this user in all tables that the database lists.
fn count_rows(server: &Server, kind: Kind, user: i64) -> String {
    let tables = server.query(match kind {
        Kind::Postgres => {
            "SELECT string_agg(table_name, ',') FROM information_schema.columns \
             WHERE table_schema = current_schema() AND column_name = 'user_id'"
        }
        Kind::Sqlite => {
            "SELECT group_concat(tables.name) \
             FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns \
             WHERE tables.type = 'table' AND columns.name = 'user_id'"
        }
    });
    assert!(tables.contains("notes"), "{tables}");
    let count = |table| format!("(SELECT count(*) FROM {table} WHERE user_id = {user})");
    let of_tables: Vec<_> = tables.split(',').map(count).collect();
    format!("SELECT (SELECT count(*) FROM users WHERE id = {user}) + {}", of_tables.join(" + "))
}

/// Waits until the user has no row in any table.
async fn wait_for_deletion(server: &Server, kind: Kind, user: i64) {
    let (rows, deadline) = (count_rows(server, kind, user), Instant::now() + DELETION_TIMEOUT);
    while server.query(&rows) != "0" {
        assert!(Instant::now() < deadline, "the account is not deleted: {}", server.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Checks the time only with DAYBOOK_MEASURE=1, for a release build on an idle machine.
#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delete_account_of_many_notes_closes_it_at_once_and_others_can_write(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = Server::on(kind).await;
    let bob = server.user("bob").await;
    let ada = server.register("ada").await;
    let tokens = server.login_tokens("ada").await;
    insert_notes(&server, kind, ada, notes());
    let began = Instant::now();
    delete_account(&server, &tokens.access).await.expect(StatusCode::NO_CONTENT);
    let answered = began.elapsed();

    // No token, name or password reaches the account any more.
    let note = json!({ "title": "t", "content": "c" });
    server.post("/notes", &tokens.access, &note).await.expect(StatusCode::UNAUTHORIZED);
    server.get("/notes", &tokens.access).await.expect(StatusCode::UNAUTHORIZED);
    server.refresh(&tokens.refresh).await.expect(StatusCode::UNAUTHORIZED);
    let login = server.login_form(&[("username", "ada"), ("password", PASSWORD)]).await;
    login.expect(StatusCode::UNAUTHORIZED);
    // Its address and its name are free at once.
    let again = server.user("ada").await;

    let rows = count_rows(&server, kind, ada);
    let (mut longest, mut writes) = (Duration::ZERO, 0);
    let deadline = Instant::now() + DELETION_TIMEOUT;
    while writes % 50 != 0 || server.query(&rows) != "0" {
        assert!(Instant::now() < deadline, "the account is not deleted: {}", server.log());
        let began = Instant::now();
        server.post("/notes", &bob, &note).await.expect(StatusCode::CREATED);
        (longest, writes) = (longest.max(began.elapsed()), writes + 1);
    }
    println!("{kind:?}: 204 after {answered:?}, deleted after {:?}", began.elapsed());
    println!("{kind:?}: {writes} writes of another user, the longest took {longest:?}");
    if std::env::var("DAYBOOK_MEASURE").is_ok() {
        let second = Duration::from_secs(1);
        assert!(answered < second && longest < second, "{answered:?} {longest:?}");
    }
    if kind == Kind::Sqlite {
        wait_until_no_file_has(&server, CONTENT).await;
    }
    assert_eq!(server.get("/notes", &again).await.expect(StatusCode::OK).json(), json!([]));
    eventually("a log line of the job", || async { server.log().contains("closed_accounts") }).await;
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deletion_continues_after_a_restart(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let start = Start::on(kind);
    // Without jobs, the rows of a closed account stay.
    let mut server = start.clone().with("DAYBOOK_JOBS", "off").start().await;
    let ada = server.register("ada").await;
    let token = server.login("ada").await;
    insert_notes(&server, kind, ada, 20_000);
    delete_account(&server, &token).await.expect(StatusCode::NO_CONTENT);
    let bob = server.register("bob").await;
    let token = server.login("bob").await;
    insert_notes(&server, kind, bob, 3_000);
    delete_account(&server, &token).await.expect(StatusCode::NO_CONTENT);
    server.wait_for_log("background jobs are off").await;
    server.signal("TERM");
    assert_eq!(server.exit_code(SHUTDOWN_TIMEOUT).await, Some(0));
    let left = || server.query(&format!("SELECT count(*) FROM notes WHERE user_id = {ada}"));
    assert_eq!(left(), "19000");

    // Ada's last note cannot be deleted, so the deletion is not complete before the stop.
    let (trigger, drop_trigger) = match kind {
        Kind::Postgres => (
            "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''kept''; END'; \
             CREATE TRIGGER keep BEFORE DELETE ON notes FOR EACH ROW WHEN (old.id = 20000) \
             EXECUTE FUNCTION keep()",
            "DROP TRIGGER keep ON notes",
        ),
        Kind::Sqlite => (
            "CREATE TRIGGER keep BEFORE DELETE ON notes WHEN old.id = 20000 \
             BEGIN SELECT RAISE(ABORT, 'kept'); END",
            "DROP TRIGGER keep",
        ),
    };
    server.execute(trigger);
    let mut second = start.start().await;
    eventually("a batch of the deletion", || async { left() != "19000" }).await;
    // Bob's account was closed later. It does not wait for Ada's.
    wait_for_deletion(&second, kind, bob).await;
    eventually("the failed batch", || async { second.log().contains("a background job failed") }).await;
    second.signal("TERM");
    assert_eq!(second.exit_code(SHUTDOWN_TIMEOUT).await, Some(0));
    // A stop finishes the batch in progress.
    let notes: usize = left().parse().unwrap();
    assert!(notes >= 1_000 && notes.is_multiple_of(1_000), "{notes} notes are left");
    second.execute(drop_trigger);
    let third = start.start().await;
    wait_for_deletion(&third, kind, ada).await;
    assert_eq!(third.query("SELECT count(*) FROM users"), "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_count_the_rows_that_jobs_delete() {
    let server = Server::on(Kind::Sqlite).await;
    let ada = server.register("ada").await;
    let token = server.login("ada").await;
    insert_notes(&server, Kind::Sqlite, ada, 3_000);
    delete_account(&server, &token).await.expect(StatusCode::NO_CONTENT);
    wait_for_deletion(&server, Kind::Sqlite, ada).await;
    // The request deletes the first 1,000 rows. The rest are notes, 2 events, a session and the
    // account.
    let counted = async || server.metric("job_deleted_rows_total{job=\"closed_accounts\"}").await;
    let deadline = Instant::now() + DELETION_TIMEOUT;
    while counted().await < 2_004.0 {
        assert!(Instant::now() < deadline, "{}", counted().await);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(counted().await, 2_004.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deletion_of_an_account_wakes_the_job_that_removes_its_texts_from_the_files() {
    let server = Server::on(Kind::Sqlite).await;
    let token = server.user("ada").await;
    let note = json!({ "title": "t", "content": "a canary of 4711" });
    server.post("/notes", &token, &note).await.expect(StatusCode::CREATED);
    assert!(files_have(&server, "a canary of 4711"));
    delete_account(&server, &token).await.expect(StatusCode::NO_CONTENT);
    wait_until_no_file_has(&server, "a canary of 4711").await;
}
