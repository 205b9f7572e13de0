//! URLs of a real PostgreSQL server, which has no TLS.

use daybook_persistence::{Database, Error};
use daybook_test_servers::{Postgres, free_port};
use rstest::rstest;

async fn ping(url: &str) -> Result<(), Error> {
    Database::open(&url.parse().unwrap()).unwrap().ping().await
}

#[tokio::test]
async fn ping_reaches_the_hosts_and_sockets_of_a_url() {
    let server = Postgres::shared();
    let (port, closed, folder) = (server.port(), free_port(), server.folder().display());
    for url in [
        format!("postgres://postgres:2024#word@127.0.0.1:{port}/postgres"),
        format!("postgres://postgres:a?b@127.0.0.1:{port}/postgres?sslmode=disable"),
        format!("postgresql://postgres@/postgres?host={folder}&port={port}"),
        format!("postgresql://postgres:a/b@/postgres?host={folder}&port={port}").replace("a/b", "a%2Fb"),
        format!("postgresql://postgres@127.0.0.1:{closed},127.0.0.1:{port}/postgres"),
        format!("postgresql://postgres@{}:{port}/postgres", folder.to_string().replace('/', "%2F")),
        format!("postgresql://postgres@h.test/postgres?hostaddr=127.0.0.1&port={port}&connect_timeout=5"),
    ] {
        ping(&url).await.unwrap_or_else(|error| panic!("{url}: {error}"));
    }
}

/// libpq tries the next host only if one cannot be reached.
#[tokio::test]
async fn ping_does_not_try_the_next_host_after_another_error() {
    let port = Postgres::shared().port();
    let folder = Postgres::shared().folder().display();
    // The first host has no TLS, and the second one needs none.
    let url = format!("postgres://postgres@/postgres?host=127.0.0.1,{folder}&port={port}&sslmode=require");
    assert!(ping(&url).await.unwrap_err().to_string().contains("TLS"));
    // The role does not exist, which is no reason to ask another server.
    let url = format!("postgres://no_such_role@127.0.0.1:{port},127.0.0.1:1/postgres");
    let error = ping(&url).await.unwrap_err().to_string();
    assert!(error.contains("no_such_role"), "{error}");
    let url = format!("postgres://postgres@127.0.0.1:1,127.0.0.1:{port}/postgres?load_balance_hosts=random");
    for _ in 0..8 {
        ping(&url).await.unwrap();
    }
}

#[rstest]
#[case::a_hash("postgres:2024#canary@")]
#[case::a_question_mark("postgres:2024?canary@")]
#[case::a_colon_and_a_hash("postgres:a:#canary@")]
#[case::encoded("postgres:2024%23canary@")]
#[tokio::test]
async fn ping_never_connects_in_the_clear_if_tls_is_required(#[case] credentials: &str) {
    let port = Postgres::shared().port();
    for mode in ["sslmode=require", "ssl=true", "sslmode=verify-full&sslrootcert=system"] {
        let url = format!("postgres://{credentials}127.0.0.1:{port}/postgres?{mode}");
        let error = ping(&url).await.unwrap_err().to_string();
        assert!(error.contains("TLS") && !error.contains("canary"), "{url}: {error}");
    }
}
