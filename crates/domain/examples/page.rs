//! Reads a list page by page: `cargo run -p daybook-domain --example page`.

use daybook_domain::{Cursor, Limit, LimitError, Listed, Page, PageRequest};

#[derive(Debug)]
struct Item(i64);

impl Listed for Item {
    fn cursor(&self) -> Cursor {
        Cursor::after(self.0)
    }
}

/// Stands in for a database: returns items below the cursor, newest first, one more than the limit.
fn query(request: PageRequest) -> Page<Item> {
    let below = request.cursor.map_or(11, Cursor::id);
    let found = (1..below).rev().take(request.limit.items() + 1).map(Item).collect();
    Page::from_overfetch(found, request.limit)
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
