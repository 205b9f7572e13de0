//! Starting the service and talking to it.

mod answer;
mod checks;
pub(crate) mod jwt;
mod mocks;
pub(crate) mod operations;
mod scripted;
mod server;

pub(crate) use answer::Answer;
pub(crate) use checks::{eventually, timestamp};
pub(crate) use mocks::{provider, weather};
pub(crate) use scripted::{Scene, Scripted};
pub(crate) use server::{Kind, SECRET, Server, Start, Tokens};

/// A password that the policy accepts.
pub(crate) const PASSWORD: &str = "pass123word";

/// Fails a test that waits for what never comes, so that it is told by its name. The longest of the long run takes ten minutes.
pub(crate) async fn in_time(test: impl Future<Output = ()>) {
    let patience = std::time::Duration::from_secs(30 * 60);
    tokio::time::timeout(patience, test).await.expect("the test ends within half an hour");
}

/// Makes two tests of each function: one on SQLite, one on PostgreSQL. The argument is the kind of the database.
macro_rules! on_both_databases {
    ($($(#[$meta:meta])* async fn $name:ident($kind:ident: Kind) $body:block)*) => {
        $(
            $(#[$meta])*
            async fn $name($kind: $crate::harness::Kind) $body

            mod $name {
                use $crate::harness::Kind;

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn sqlite() {
                    $crate::harness::in_time(super::$name(Kind::Sqlite)).await;
                }

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn postgres() {
                    $crate::harness::in_time(super::$name(Kind::Postgres)).await;
                }
            }
        )*
    };
}

pub(crate) use on_both_databases;
