//! Errors of a real PostgreSQL server.

use std::process::Command;
use std::sync::Arc;

use daybook_test_servers::{Postgres, TestDatabase};
use diesel_async::SimpleAsyncConnection;

use super::*;
use crate::backend::Backend;
use crate::database::Database;
use crate::postgres::{Connector, Link};

fn connector(url: &str) -> Arc<Connector> {
    match Database::open(&url.parse().unwrap()).unwrap().backend {
        Backend::Postgres(postgres) => postgres.connector(),
        Backend::Sqlite(_) => unreachable!(),
    }
}

async fn connect(database: &TestDatabase) -> Link {
    connector(database.url()).connect().await.unwrap()
}

async fn run(link: &mut Link, statements: &str) -> Result<(), Error> {
    Ok(link.connection_mut().batch_execute(statements).await?)
}

/// Returns the id of the process that serves a connection.
async fn process_id(link: &mut Link) -> i32 {
    let id = diesel::select(diesel::dsl::sql::<diesel::sql_types::Integer>("pg_backend_pid()"));
    diesel_async::RunQueryDsl::get_result(id, link.connection_mut()).await.unwrap()
}

#[tokio::test]
async fn timeouts_and_conflicts_are_unavailable() {
    let database = Postgres::shared().create_database();
    let (mut one, mut two) = (connect(&database).await, connect(&database).await);
    run(&mut one, "CREATE TABLE t (id integer, n integer); INSERT INTO t VALUES (1, 0), (2, 0)")
        .await
        .unwrap();

    run(&mut one, "SET statement_timeout = 10").await.unwrap();
    assert_transient(run(&mut one, "SELECT pg_sleep(9)").await, "canceling statement due to");
    run(&mut one, "SET statement_timeout = 0").await.unwrap();

    run(&mut one, "BEGIN; UPDATE t SET n = 1").await.unwrap();
    run(&mut two, "SET lock_timeout = 10").await.unwrap();
    assert_transient(run(&mut two, "UPDATE t SET n = 2").await, "canceling statement due to");
    run(&mut one, "ROLLBACK").await.unwrap();

    run(&mut two, "SET lock_timeout = 0; BEGIN; UPDATE t SET n = 1 WHERE id = 2").await.unwrap();
    run(&mut one, "BEGIN; UPDATE t SET n = 1 WHERE id = 1").await.unwrap();
    let deadlock = tokio::join!(
        run(&mut one, "UPDATE t SET n = 2 WHERE id = 2; COMMIT"),
        run(&mut two, "UPDATE t SET n = 2 WHERE id = 1; COMMIT"),
    );
    let (failed, succeeded) = if deadlock.0.is_err() { deadlock } else { (deadlock.1, deadlock.0) };
    assert_transient(failed, "deadlock detected");
    succeeded.unwrap();
    run(&mut one, "ROLLBACK").await.unwrap();
    run(&mut two, "ROLLBACK").await.unwrap();

    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT n FROM t";
    run(&mut one, begin).await.unwrap();
    run(&mut two, "UPDATE t SET n = 3").await.unwrap();
    assert_unavailable(run(&mut one, "UPDATE t SET n = 4").await);
    run(&mut one, "ROLLBACK; SET default_transaction_read_only = on").await.unwrap();
    assert_unavailable(run(&mut one, "UPDATE t SET n = 5").await);
}

#[tokio::test]
async fn ended_connections_are_unavailable() {
    let database = Postgres::shared().create_database();
    let (mut one, mut two) = (connect(&database).await, connect(&database).await);
    let id = process_id(&mut one).await;
    let (cancelled, ()) = tokio::join!(run(&mut one, "SELECT pg_sleep(20)"), async {
        // The statement must have begun.
        let began = format!(
            "DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {id} AND \
             wait_event = 'PgSleep') LOOP PERFORM pg_sleep(0.01); PERFORM pg_stat_clear_snapshot(); \
             END LOOP; END $$"
        );
        run(&mut two, &began).await.unwrap();
        run(&mut two, &format!("SELECT pg_cancel_backend({id})")).await.unwrap();
    });
    assert_transient(cancelled, "canceling statement due to");
    let (ended, ()) = tokio::join!(run(&mut one, "SELECT pg_sleep(20)"), async {
        run(&mut two, &format!("SELECT pg_terminate_backend({id})")).await.unwrap();
    });
    assert_transient(ended, "terminating connection");
    assert_unavailable(run(&mut one, "SELECT 1").await);

    run(&mut two, "SET idle_in_transaction_session_timeout = 10; BEGIN; SELECT 1").await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_unavailable(run(&mut two, "SELECT 1").await);
}

/// Limits a resource of the process that serves a connection. The server runs the program, because
/// only its user may.
async fn limit(link: &mut Link, resource: &str) {
    let id = process_id(link).await;
    run(link, &format!("COPY none FROM PROGRAM 'prlimit --pid {id} {resource}'")).await.unwrap();
}

#[tokio::test]
async fn exhausted_disks_and_memory_are_unavailable() {
    // The shared server must not lack locks.
    let postgres = Postgres::start("");
    let database = postgres.create_database();
    let mut link = connect(&database).await;
    let locks = "SELECT pg_advisory_xact_lock(n) FROM generate_series(1, 1000000) AS n";
    assert_transient(run(&mut link, locks).await, "out of shared memory");
    assert_transient(run(&mut link, "COPY (SELECT 1) TO '/dev/full'").await, "No space left on device");
    run(&mut link, "CREATE TABLE none (n integer)").await.unwrap();
    // A block of a table is 8 KiB. Segments of the WAL have 16 MiB and must stay below the limit.
    limit(&mut link, "--fsize=25000001").await;
    let fill = "CREATE TABLE t AS SELECT repeat(md5(n::text), 30) FROM generate_series(1, 50000) AS n";
    assert_transient(run(&mut link, fill).await, "could not extend file");
    limit(&mut link, "--as=700000000").await;
    assert_transient(run(&mut link, "SELECT length(repeat('x', 900000000))").await, "out of memory");
    run(&mut link, "SELECT 1").await.unwrap();
}

#[tokio::test]
async fn servers_without_free_connections_are_unavailable() {
    let postgres = Postgres::start("-c max_connections=5 -c superuser_reserved_connections=2");
    let database = postgres.create_database();
    postgres.query("postgres", "CREATE ROLE ada LOGIN");
    let ada = connector(&database.url().replace("postgres@", "ada@"));
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(ada.connect().await.unwrap());
    }
    assert_transient(ada.connect().await, "remaining connection slots");
    for _ in 0..2 {
        held.push(connect(&database).await);
    }
    assert_transient(connector(database.url()).connect().await, "too many clients");
}

#[tokio::test]
async fn servers_that_stop_are_unavailable() {
    let postgres = Postgres::start("");
    let database = postgres.create_database();
    let _open = connect(&database).await;
    // A smart shutdown waits until the clients have disconnected.
    let stop = Command::new("kill").args(["-TERM", &postgres.process_id().to_string()]).status().unwrap();
    assert!(stop.success());
    let connector = connector(database.url());
    let rejected = loop {
        if let Err(error) = connector.connect().await {
            break error;
        }
    };
    assert_transient(Err::<(), _>(rejected), "the database system is");
}

#[tokio::test]
async fn bugs_are_internal() {
    let database = Postgres::shared().create_database();
    let mut link = connect(&database).await;
    for statement in [
        "SELECT * FROM missing",
        "SELECT missing",
        "SELEC",
        "SELECT 2147483647 + 1",
        "SELECT 1 / 0",
        "SELECT 'x'::integer",
        "ROLLBACK TO SAVEPOINT missing",
    ] {
        assert_internal(run(&mut link, statement).await);
    }
}
