//! Runs tests of private methods on both databases.

use daybook_domain::{Email, Origin, Timestamp, UserId, Username};
use daybook_test_servers::Postgres;

use crate::database::Database;
use crate::user::NewUser;

/// Calls a test with an SQLite database and with a PostgreSQL database. Each has one account.
pub(crate) async fn on_both_databases(test: impl AsyncFn(Database, UserId)) {
    let (folder, server) = (tempfile::tempdir().unwrap(), Postgres::shared().create_database());
    for url in [format!("sqlite://{}/day.db", folder.path().display()), server.url().to_owned()] {
        let database = Database::open(&url.parse().unwrap()).unwrap();
        database.migrate().await.unwrap();
        let (email, username) = (Email::parse("ada@example.com").unwrap(), Username::parse("ada").unwrap());
        let new = NewUser::new(email, username, "hash".into());
        let ada = database.register(new, Origin::default(), Timestamp::now()).await.unwrap();
        test(database, ada.id).await;
    }
}
