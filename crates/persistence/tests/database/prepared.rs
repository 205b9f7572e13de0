//! Updates stay prepared on each connection to PostgreSQL.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use daybook_domain::{
    Actor, City, Content, Email, EndReason, NotePatch, Origin, Place, Proof, Spent, TaskDraft, TaskPatch,
    Timestamp, Title, User, Username,
};
use daybook_persistence::{Access, Budget, Database, Login};
use daybook_test_servers::Postgres as Server;

use crate::client::{actor, login, refresh};
use crate::fixture::new_user;
use crate::summaries::{note, summary_of};

/// Forwards connections to the PostgreSQL server, and keeps the statements that the client
/// prepares.
struct Proxy {
    port: u16,
    prepared: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let prepared = Arc::<Mutex<Vec<String>>>::default();
        let kept = Arc::clone(&prepared);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, kept) = (client.unwrap(), Arc::clone(&kept));
                let server = TcpStream::connect(("127.0.0.1", Server::shared().port())).unwrap();
                client.set_nodelay(true).unwrap();
                server.set_nodelay(true).unwrap();
                let (mut results, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                thread::spawn(move || io::copy(&mut results, &mut to_client));
                // An error is the end of the connection.
                thread::spawn(move || forward(client, server, &kept));
            }
        });
        Self { port, prepared }
    }

    /// Returns the updates that were prepared since the last call.
    fn prepared_updates(&self) -> Vec<String> {
        let mut prepared = std::mem::take(&mut *self.prepared.lock().unwrap());
        prepared.retain(|statement| statement.starts_with("UPDATE"));
        prepared
    }
}

/// Forwards the messages of a client: a byte for the type, except in the first message, then the
/// length with its own four bytes, then the content.
fn forward(mut client: TcpStream, mut server: TcpStream, prepared: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut kind = Vec::new();
    loop {
        let mut length = [0; 4];
        client.read_exact(&mut length)?;
        let mut content = vec![0; u32::from_be_bytes(length) as usize - 4];
        client.read_exact(&mut content)?;
        // The content of `Parse` begins with the name and the text of the statement.
        if kind == [b'P'] {
            let text = content.split(|byte| *byte == 0).nth(1).unwrap_or_default();
            prepared.lock().unwrap().push(String::from_utf8_lossy(text).into_owned());
        }
        server.write_all(&[kind.as_slice(), &length, &content].concat())?;
        kind.resize(1, 0);
        client.read_exact(&mut kind)?;
    }
}

/// Runs every method that updates a row. `round` is different for each call.
async fn update_everything(database: &Database, ada: &User, round: u8) {
    let now = Timestamp::now();
    let (note, later) = (note(database, ada.id).await, now.plus_seconds(1));
    let verified = database.credentials_of(ada.id).await.unwrap();
    let new_hash = Some(format!("hash {round}"));
    let opening = Login { verified: verified.clone(), new_hash, ..login(ada, round) };
    let session = database.open_session(opening, now).await.unwrap().session;
    let by_session = Actor { proof: Proof::Session(session), ..actor(ada.id, now) };
    let access = Access::from(&by_session);
    database.touch_session(ada.id, session, now, later.plus_seconds(100), later).await.unwrap();
    refresh(database, round, 0, 1, now).await;
    let title = Some(Title::parse("changed").unwrap());
    let patch = NotePatch { title: title.clone(), ..NotePatch::default() };
    database.update_note(access, note.id, patch, now).await.unwrap();
    let patch = NotePatch { content: Some(Content::parse("changed").unwrap()), ..NotePatch::default() };
    database.update_note(access, note.id, patch, now).await.unwrap();
    let draft = TaskDraft::parse("t", "c", "Lisbon").unwrap();
    let task = database.create_task(access, draft, None, now).await.unwrap();
    let patch = TaskPatch { title, ..TaskPatch::default() };
    database.update_task(access, task.id, patch, None, now).await.unwrap();
    let place = Place {
        name: "Lisbon".to_owned(),
        country: None,
        country_code: None,
        admin1: None,
        latitude: 38.7,
        longitude: -9.1,
        timezone: None,
    };
    database.place_task(ada.id, task.id, City::parse("Lisbon").unwrap(), place).await.unwrap();
    let budget = Budget { per_user: i64::MAX, of_all: i64::MAX };
    let reserved = database.reserve_tokens(ada.id, 9, budget, now).await.unwrap().unwrap();
    let summary = database.store_summary(ada.id, note.id, summary_of(&note), Some(reserved), now).await;
    database.show_summary(access, note.id, summary.unwrap().id).await.unwrap();
    let reserved = database.reserve_tokens(ada.id, 9, budget, now).await.unwrap().unwrap();
    database.settle_tokens(reserved, Spent::default()).await.unwrap();
    let username = Some(Username::parse(&format!("name{round}")).unwrap());
    database.update_user(&by_session, None, username, Some(verified.clone())).await.unwrap();
    let email = Some(Email::parse(&format!("name{round}@example.com")).unwrap());
    database.update_user(&by_session, email, None, Some(verified.clone())).await.unwrap();
    let _ = database.change_password(&by_session, verified, format!("new {round}")).await.unwrap();
    let _ = database.end_session(&by_session, session, EndReason::Logout).await.unwrap();
    let _ = database.end_all_sessions(&actor(ada.id, now)).await.unwrap();
    database.end_legacy_tokens(&actor(ada.id, now)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn updates_are_prepared_once_for_each_connection() {
    let (proxy, server) = (Proxy::start(), Server::shared().create_database());
    let direct = format!(":{}/", Server::shared().port());
    let url = server.url().replace(&direct, &format!(":{}/", proxy.port));
    let database = Database::open(&format!("{url}?sslmode=disable").parse().unwrap()).unwrap();
    database.migrate().await.unwrap();
    let ada = database.register(new_user("ada"), Origin::default(), Timestamp::now()).await.unwrap();
    // The writes of this test run one after the other, so all of them use the same connection.
    update_everything(&database, &ada, 1).await;
    let first = proxy.prepared_updates();
    assert!(first.len() >= 20, "the proxy counts each update: {first:#?}");
    for round in 2..4 {
        update_everything(&database, &ada, round).await;
        assert_eq!(proxy.prepared_updates(), [""; 0], "round {round}");
    }
}
