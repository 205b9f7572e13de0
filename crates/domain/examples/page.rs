//! Reads a list page by page: `cargo run -p daybook-domain --example page`.

use daybook_domain::{Cursor, Limit, LimitError, Page, PageRequest};

/// Stands in for a database: returns ids below the cursor, newest first, one more than the limit.
fn query(request: PageRequest) -> Page<i64> {
    let below = request.cursor.map_or(11, Cursor::id);
    let found = (1..below).rev().take(request.limit.items() + 1).collect();
    Page::from_overfetch(found, request.limit, |id| *id)
}

fn main() -> Result<(), LimitError> {
    let mut request = PageRequest { limit: Limit::new(4)?, cursor: None };
    loop {
        let page = query(request);
        println!("{:?}", page.items);
        let Some(next) = page.next else { return Ok(()) };
        println!("next: ?cursor={next}");
        request.cursor = Some(next);
    }
}
