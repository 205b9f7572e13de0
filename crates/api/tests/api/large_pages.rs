//! Pages of long items: the size of their bodies, and the `Link` to the rest of the list.

use reqwest::StatusCode;
use rstest::rstest;
use serde::Deserialize;
use serde_json::json;

use crate::harness::{Answer, Kind, Server, TEST_TIMEOUT};
use crate::paging::next;

/// The maximum size of the body of a page with several items.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// The beginning of an item of any list.
#[derive(Deserialize)]
struct Item {
    id: i64,
    #[serde(default)]
    content: String,
}

/// Follows the links from the first page to the last. Returns the items of each page.
async fn follow(server: &Server, list: &str, token: &str, limit: usize) -> Vec<Vec<Item>> {
    let mut pages = Vec::new();
    let mut path = Some(format!("{list}?limit={limit}"));
    while let Some(current) = path {
        let page = server.get(&current, token).await.expect(StatusCode::OK);
        path = next(server, list, limit, &page);
        let items: Vec<Item> = serde_json::from_str(&page.text).unwrap();
        assert!((1..=limit).contains(&items.len()), "{current}: {} items", items.len());
        assert!(page.text.len() <= PAGE_BYTES || items.len() == 1, "{current}: {} bytes", page.text.len());
        pages.push(items);
        assert!(pages.len() <= 200, "the links do not end");
    }
    pages
}

/// Returns the ids of the items of all pages, in the order of the pages.
fn ids(pages: &[Vec<Item>]) -> Vec<i64> {
    pages.iter().flatten().map(|item| item.id).collect()
}

/// Creates an item with this content and returns its id.
async fn write(server: &Server, list: &str, token: &str, content: &str) -> i64 {
    let body = json!({ "title": "t", "content": content, "city": "" });
    server.post(list, token, &body).await.expect(StatusCode::CREATED).json()["id"].as_i64().unwrap()
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn list_notes_returns_every_note_of_control_characters_once(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    // Each character is stored in one byte, and has six in JSON.
    let content = "\u{1}".repeat(100_000);
    for _ in 0..10 {
        write(&server, "/notes", &token, &content).await;
    }
    server.execute(
        "INSERT INTO notes (user_id, title, content, created_at, updated_at) \
         SELECT a.user_id, a.title, a.content, a.created_at, a.updated_at \
         FROM notes AS a CROSS JOIN (SELECT id FROM notes LIMIT 9) AS b",
    );
    let pages = follow(&server, "/notes", &token, 100).await;
    let found = ids(&pages);
    assert!(found.is_sorted_by(|newer, older| newer > older), "{found:?}");
    assert_eq!(found.len(), 100);
    assert!(pages.iter().flatten().all(|note| note.content == content), "a content was changed");
    // A note has 600 kB in JSON, so six fit.
    let lengths: Vec<usize> = pages.iter().map(Vec::len).collect();
    assert_eq!((lengths.len(), lengths[0], lengths[16]), (17, 6, 4), "{lengths:?}");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn list_returns_items_of_mixed_lengths_once(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    let contents = ["c".to_owned(), "\u{1}".repeat(100_000), "x".repeat(20_000), "🎂".repeat(100_000)];
    for list in ["/notes", "/tasks"] {
        let mut written = Vec::new();
        for number in 0..24 {
            let content = &contents[number % contents.len()];
            written.insert(0, (write(&server, list, &token, content).await, content.as_str()));
        }
        for (limit, expected) in [(100, 2..4), (5, 5..6), (1, 24..25)] {
            let pages = follow(&server, list, &token, limit).await;
            let found: Vec<_> = pages.iter().flatten().map(|item| (item.id, item.content.as_str())).collect();
            assert!(found == written, "{list} {limit}: an item is missing, repeated or changed");
            assert!(expected.contains(&pages.len()), "{list} {limit}: {} pages", pages.len());
        }
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn list_ends_a_page_early_in_every_list(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    let note = write(&server, "/notes", &token, &"🎂".repeat(100_000)).await;
    // Writes twelve rows for each list, with the content of the note, which has 400 kB.
    let numbers: Vec<String> = (1..=12).map(|number| format!("SELECT {number} AS number")).collect();
    let twelve =
        format!("FROM notes CROSS JOIN ({}) AS numbers WHERE notes.id = {note}", numbers.join(" UNION ALL "));
    for (list, insert, others) in [
        (
            format!("/notes/{note}/summaries"),
            "summaries (user_id, note_id, text, model, input_tokens, output_tokens, \
             content_hash, created_at) SELECT user_id, id, content, 'm', 1, 1, '', created_at",
            0,
        ),
        // The registration and the login are events, too.
        (
            "/auth/events".into(),
            "events (user_id, kind, user_agent, created_at) SELECT user_id, 'login', content, created_at",
            2,
        ),
        (
            "/tasks".into(),
            "tasks (user_id, title, content, city, created_at, updated_at) \
             SELECT user_id, title, content, '', created_at, updated_at",
            0,
        ),
        (
            "/notes".into(),
            "notes (user_id, title, content, created_at, updated_at) \
             SELECT user_id, title, content, created_at, updated_at",
            1,
        ),
    ] {
        server.execute(&format!("INSERT INTO {insert} {twelve}"));
        let pages = follow(&server, &list, &token, 100).await;
        let found = ids(&pages);
        assert!(found.is_sorted_by(|newer, older| newer > older), "{list}: {found:?}");
        assert_eq!((found.len(), pages.len()), (12 + others, 2), "{list}");
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn list_returns_an_item_beyond_the_limit_alone(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    let mut written = Vec::new();
    for content in ["oldest", "middle", "newest"] {
        written.insert(0, write(&server, "/notes", &token, content).await);
    }
    // Only a manual edit can store such a content: eight million characters.
    let middle = written[1];
    server.execute(&format!("UPDATE notes SET content = '{}' WHERE id = {middle}", "12345678".repeat(1_000)));
    for _ in 0..10 {
        server.execute(&format!("UPDATE notes SET content = content || content WHERE id = {middle}"));
    }
    let pages = follow(&server, "/notes", &token, 100).await;
    assert_eq!(ids(&pages), written);
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 1]);
    assert_eq!(pages[1][0].content.len(), 8_192_000);
}

#[tokio::test]
async fn openapi_states_the_size_of_a_page_for_every_list() {
    let server = Server::on(Kind::Sqlite).await;
    let document = Answer::of(server.request(reqwest::Method::GET, "/openapi.json")).await.json();
    let mut lists = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let response = &item["get"]["responses"]["200"];
        if response["headers"]["Link"].is_object() {
            let description = response["description"].as_str().unwrap();
            assert!(description.contains("4 MiB") && description.contains("at least one"), "{path}");
            lists.push(path.as_str());
        }
    }
    lists.sort_unstable();
    assert_eq!(lists, ["/auth/events", "/notes", "/notes/{note_id}/summaries", "/tasks", "/users/me/usage"]);
}
