//! Starting the service and talking to it.

mod answer;
mod mocks;
mod server;

pub(crate) use answer::Answer;
pub(crate) use mocks::{provider, weather};
pub(crate) use server::{Kind, Server, Start};

/// A password that the policy accepts.
pub(crate) const PASSWORD: &str = "pass123word";

/// Makes two tests of each function: one on SQLite, one on PostgreSQL. The argument is the kind of the database.
macro_rules! on_both_databases {
    ($($(#[$meta:meta])* async fn $name:ident($kind:ident: Kind) $body:block)*) => {
        $($(#[$meta])* mod $name {
            #[allow(unused_imports, reason = "not every test uses everything")]
            use super::*;

            async fn run($kind: Kind) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                run(Kind::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                run(Kind::Postgres).await;
            }
        })*
    };
}

pub(crate) use on_both_databases;
