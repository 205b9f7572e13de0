//! Paging of lists: `limit`, `cursor` and the `Link` to the next page.

use std::collections::BTreeSet;

use reqwest::StatusCode;
use rstest::rstest;
use serde_json::{Value, json};
use url::Url;

use crate::harness::{Answer, Kind, Server, TEST_TIMEOUT};

/// The two lists. Both accept the body of [`write`].
const LISTS: [&str; 2] = ["/notes", "/tasks"];

async fn write(server: &Server, list: &str, token: &str) -> i64 {
    let body = json!({ "title": "t", "content": "c", "city": "Lisbon" });
    server.post(list, token, &body).await.expect(StatusCode::CREATED).json()["id"].as_i64().unwrap()
}

fn ids(page: &Answer) -> Vec<i64> {
    page.json().as_array().unwrap().iter().map(|item| item["id"].as_i64().unwrap()).collect()
}

/// Returns the target of the page's `Link` as a path with a query, or `None` on the last page.
pub(crate) fn next(server: &Server, list: &str, limit: usize, page: &Answer) -> Option<String> {
    let link = page.header("link");
    if link.is_empty() {
        assert!(!page.headers.contains_key("link"));
        return None;
    }
    let target = link.strip_prefix('<').and_then(|rest| rest.strip_suffix(r#">; rel="next""#));
    let target = target.unwrap_or_else(|| panic!("{link} is not a link to the next page"));
    // The link may be relative or absolute, but its target is the same list on the same server.
    let base = Url::parse(&server.url).unwrap().join(list).unwrap();
    let url = base.join(target).unwrap();
    assert!(
        target.starts_with('/') || target.starts_with(&server.url),
        "{target} depends on the path of the page"
    );
    assert_eq!((url.origin(), url.path()), (base.origin(), list));
    let query: Vec<_> = url.query_pairs().into_owned().collect();
    let names: Vec<_> = query.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["limit", "cursor"], "{target}");
    assert_eq!(query[0].1, limit.to_string());
    assert!(!query[1].1.is_empty());
    Some(format!("{}?{}", url.path(), url.query().unwrap()))
}

/// Reads every page, from the first to the last.
async fn follow(server: &Server, list: &str, token: &str, limit: usize) -> Vec<Vec<i64>> {
    let mut pages = Vec::new();
    let mut path = Some(format!("{list}?limit={limit}"));
    while let Some(current) = path {
        let page = server.get(&current, token).await.expect(StatusCode::OK);
        path = next(server, list, limit, &page);
        pages.push(ids(&page));
        assert!(pages.len() < 200, "the links do not end");
    }
    pages
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn list_returns_the_newest_twenty_items_by_default(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    for list in LISTS {
        let empty = server.get(list, &token).await.expect(StatusCode::OK);
        assert_eq!((empty.json(), empty.header("link")), (json!([]), ""));
        let mut written = Vec::new();
        for _ in 0..22 {
            written.insert(0, write(&server, list, &token).await);
        }
        let page = server.get(list, &token).await.expect(StatusCode::OK);
        assert_eq!(ids(&page), written[..20]);
        let rest = next(&server, list, 20, &page).expect("a second page");
        let rest = server.get(&rest, &token).await.expect(StatusCode::OK);
        assert_eq!((ids(&rest).as_slice(), rest.header("link")), (&written[20..], ""));
        for (limit, expected) in [(1, 1), (21, 21), (22, 22), (100, 22)] {
            let page = server.get(&format!("{list}?limit={limit}"), &token).await.expect(StatusCode::OK);
            assert_eq!(ids(&page), written[..expected], "{limit}");
            assert_eq!(next(&server, list, limit, &page).is_some(), expected < 22, "{limit}");
        }
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn list_order_is_not_changed_by_a_patch(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    for list in LISTS {
        let mut written = Vec::new();
        for _ in 0..3 {
            written.insert(0, write(&server, list, &token).await);
        }
        server
            .patch(&format!("{list}/{}", written[2]), &token, &json!({ "title": "new" }))
            .await
            .expect(StatusCode::OK);
        assert_eq!(ids(&server.get(list, &token).await), written);
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn list_links_lead_through_every_item_once(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let (token, other) = (server.user("ada").await, server.user("bob").await);
    for list in LISTS {
        let mut written = Vec::new();
        for _ in 0..12 {
            written.insert(0, write(&server, list, &token).await);
            // The ids of another user's items are between them.
            write(&server, list, &other).await;
        }
        for limit in [1, 4, 5, 12, 100] {
            let pages = follow(&server, list, &token, limit).await;
            assert_eq!(pages.concat(), written, "{limit}");
            // Every page is full except the last, and the last one is not empty.
            assert_eq!(pages.len(), written.len().div_ceil(limit), "{limit}: {pages:?}");
        }
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn list_pages_stay_consistent_while_the_list_changes(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    for list in LISTS {
        let mut unseen = BTreeSet::new();
        for _ in 0..30 {
            unseen.insert(write(&server, list, &token).await);
        }
        let mut seen = Vec::new();
        let mut path = Some(format!("{list}?limit=4"));
        while let Some(current) = path {
            let page = server.get(&current, &token).await.expect(StatusCode::OK);
            let items = ids(&page);
            for id in &items {
                assert!(unseen.remove(id), "{id} is new, deleted or repeated: {seen:?} {items:?}");
            }
            seen.extend(&items);
            // Adds one item and deletes three: the last one of this page, the first one that was
            // listed, and the oldest one that was not listed yet.
            write(&server, list, &token).await;
            let oldest = unseen.pop_first();
            for id in [items.last().copied(), seen.first().copied(), oldest].into_iter().flatten() {
                let answer = server.delete(&format!("{list}/{id}"), &token).await;
                assert!([204, 404].contains(&answer.status), "{answer:?}");
            }
            path = next(&server, list, 4, &page);
        }
        assert!(unseen.is_empty(), "never listed: {unseen:?}");
        assert!(seen.is_sorted_by(|earlier, later| earlier > later), "{seen:?}");
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn list_rejects_an_invalid_limit_or_cursor(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    for list in LISTS {
        for (limit, expected) in [
            ("0", "greater_than_equal"),
            ("-1", "greater_than_equal"),
            ("101", "less_than_equal"),
            ("9223372036854775807", "less_than_equal"),
            ("many", "int_parsing"),
            ("1.5", "int_parsing"),
            ("5.", "int_parsing"),
            ("5.%20", "int_parsing"),
            (".0", "int_parsing"),
        ] {
            let issues = server.get(&format!("{list}?limit={limit}"), &token).await.issues();
            assert_eq!(issues.len(), 1, "{issues:?}");
            assert_eq!((issues[0].0.as_str(), issues[0].1.as_str()), (expected, "query.limit"), "{limit}");
        }
        for cursor in
            ["1", "nonsense", "-1", "%00", "ffffffffffffffff", "000000000000000g", "%27%20OR%201=1--"]
        {
            let answer = server.get(&format!("{list}?cursor={cursor}"), &token).await;
            let issues = answer.issues();
            assert_eq!((issues.len(), issues[0].1.as_str()), (1, "query.cursor"), "{cursor}: {answer:?}");
        }
        let both = server.get(&format!("{list}?limit=0&cursor=x"), &token).await.issues();
        assert_eq!(both.len(), 2, "all problems at once: {both:?}");
        let ignored = server.get(&format!("{list}?colour=red"), &token).await;
        assert_eq!(ignored.expect(StatusCode::OK).json(), Value::Array(Vec::new()));
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn list_with_a_cursor_of_another_user_shows_only_own_items(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = Server::on(kind).await;
    let (ada, bob) = (server.user("ada").await, server.user("bob").await);
    for list in LISTS {
        let bobs_older = write(&server, list, &bob).await;
        for _ in 0..4 {
            write(&server, list, &ada).await;
        }
        let bobs_newer = write(&server, list, &bob).await;
        let page = server.get(&format!("{list}?limit=2"), &ada).await;
        let link = next(&server, list, 2, &page).expect("a second page");
        let read = server.get(&link, &bob).await.expect(StatusCode::OK);
        assert!(bobs_newer > bobs_older);
        assert_eq!((ids(&read), read.header("link")), (vec![bobs_older], ""));
    }
}
