//! Common queries on both databases: `cargo bench -p daybook-bench --bench queries`.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run should stop")]

use daybook_domain::{
    Email, NoteDraft, NoteId, Origin, PageRequest, SessionId, SessionPolicy, Timestamp, UserId, Username,
};
use daybook_persistence::{Access, Database, FamilyDigest, Login, NewUser, TokenDigest};
use daybook_test_servers::Postgres;
use divan::Bencher;
use divan::counter::ItemsCount;
use futures_util::future::join_all;
use tempfile::TempDir;
use tokio::runtime::Runtime;

fn main() {
    divan::main();
}

const KINDS: [&str; 2] = ["sqlite", "postgres"];

/// The number of concurrent requests on a busy worker thread.
const AT_ONCE: usize = 32;

struct Fixture {
    runtime: Runtime,
    database: Database,
    user: UserId,
    session: SessionId,
    now: Timestamp,
    _folder: TempDir,
}

impl Fixture {
    /// Returns the access of a request with a live session.
    fn access(&self) -> Access {
        Access::in_session(self.user, self.session, self.now)
    }
}

/// Creates a database with one account, which has fifty notes of 0.3 kB.
fn fixture(kind: &str) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let url = match kind {
        "postgres" => Postgres::shared().create_database().url().to_owned(),
        _ => format!("sqlite://{}/day.db", folder.path().display()),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let now = Timestamp::now();
    let (database, user, session) = runtime.block_on(async {
        let database = Database::open(&url.parse().unwrap()).unwrap();
        database.migrate().await.unwrap();
        let email = Email::parse("ada@example.com").unwrap();
        let new = NewUser::new(email, Username::parse("ada").unwrap(), "hash".into());
        let user = database.register(new, Origin::default(), now).await.unwrap().id;
        for _ in 0..50 {
            database.create_note(user, draft(), now).await.unwrap();
        }
        let verified = database.credentials_of(user).await.unwrap();
        let (family, token) = (FamilyDigest([1; 32]), TokenDigest([1; 32]));
        let login = Login::new(verified, family, token, SessionPolicy::default());
        let session = database.open_session(login, now).await.unwrap().session;
        (database, user, session)
    });
    Fixture { runtime, database, user, session, now, _folder: folder }
}

fn draft() -> NoteDraft {
    NoteDraft::parse("a note", &"The quick brown fox jumps over the lazy dog. ".repeat(7)).unwrap()
}

#[divan::bench(args = KINDS)]
fn session_check(bencher: Bencher<'_, '_>, kind: &str) {
    let f = fixture(kind);
    bencher.bench_local(|| f.runtime.block_on(f.database.live_session(f.user, f.session, f.now)).unwrap());
}

#[divan::bench(args = KINDS)]
fn one_note(bencher: Bencher<'_, '_>, kind: &str) {
    let f = fixture(kind);
    bencher.bench_local(|| f.runtime.block_on(f.database.note(f.access(), NoteId(20))).unwrap());
}

#[divan::bench(args = KINDS)]
fn page_of_twenty(bencher: Bencher<'_, '_>, kind: &str) {
    let f = fixture(kind);
    bencher.bench_local(|| f.runtime.block_on(f.database.notes(f.access(), PageRequest::default())).unwrap());
}

#[divan::bench(args = KINDS)]
fn pages_of_twenty_at_once(bencher: Bencher<'_, '_>, kind: &str) {
    let f = fixture(kind);
    let work = || join_all((0..AT_ONCE).map(|_| f.database.notes(f.access(), PageRequest::default())));
    bencher.counter(ItemsCount::new(AT_ONCE)).bench_local(|| f.runtime.block_on(work()));
}

#[divan::bench(args = KINDS, sample_count = 50)]
fn one_write(bencher: Bencher<'_, '_>, kind: &str) {
    let f = fixture(kind);
    bencher.bench_local(|| f.runtime.block_on(f.database.create_note(f.access(), draft(), f.now)).unwrap());
}

#[divan::bench(args = KINDS, sample_count = 50)]
fn writes_at_once(bencher: Bencher<'_, '_>, kind: &str) {
    let f = fixture(kind);
    let work = || join_all((0..AT_ONCE).map(|_| f.database.create_note(f.access(), draft(), f.now)));
    bencher.counter(ItemsCount::new(AT_ONCE)).bench_local(|| f.runtime.block_on(work()));
}
