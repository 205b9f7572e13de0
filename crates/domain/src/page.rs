//! Keyset pagination: a page begins after an item's id and not at an offset.

use std::fmt;
use std::str::FromStr;

/// The most bytes of a page in JSON: 4 MiB. A page has at least one item, even if that item alone
/// is larger.
///
/// The limit bounds the time and the memory that one response takes. A hundred notes of 40,000
/// ASCII characters fit. A note of 100,000 characters has at most 600 kB in JSON without its
/// summary, so a page of the longest notes still has six of them.
pub const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// The most items of a page: 1 to 100, by default 20.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(u8);

/// A page size outside 1..=100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// Below [`Limit::MIN`].
    #[error("a page has at least 1 item")]
    TooSmall,
    /// Above [`Limit::MAX`].
    #[error("a page has at most 100 items")]
    TooLarge,
}

impl Limit {
    /// The smallest page.
    pub const MIN: i64 = 1;
    /// The largest page. With longer items, [`PAGE_BYTES`] ends a page before it has as many.
    pub const MAX: i64 = 100;

    /// A limit of `items`.
    ///
    /// # Errors
    ///
    /// Rejects numbers outside 1..=100.
    pub fn new(items: i64) -> Result<Self, LimitError> {
        if items < Self::MIN {
            return Err(LimitError::TooSmall);
        }
        if items > Self::MAX {
            return Err(LimitError::TooLarge);
        }
        u8::try_from(items).map(Self).map_err(|_| LimitError::TooLarge)
    }

    /// The number of items.
    #[must_use]
    pub fn items(self) -> usize {
        self.0.into()
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(20)
    }
}

/// A position in a list that is ordered by descending id. The page after it has the smaller ids.
///
/// It is written as 16 hexadecimal digits. Clients copy it from a link and need not understand it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor(i64);

/// A text that is not a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this list")]
pub struct CursorError;

impl Cursor {
    /// The position after the item with this id.
    #[must_use]
    pub fn after(id: i64) -> Self {
        Self(id)
    }

    /// The id that is greater than all ids on the page.
    #[must_use]
    pub fn id(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let digits = text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !digits {
            return Err(CursorError);
        }
        i64::from_str_radix(text, 16).map(Self).map_err(|_| CursorError)
    }
}

/// The page that a client requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PageRequest {
    /// The most items of the page.
    pub limit: Limit,
    /// The position before the first item; `None` for the newest items.
    pub cursor: Option<Cursor>,
}

/// An item of a list that has pages.
pub trait Listed {
    /// The position after this item.
    fn cursor(&self) -> Cursor;
}

/// A page of a list, and the position of the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, newest first.
    pub items: Vec<T>,
    /// The position after the last item; `None` on the last page.
    pub next: Option<Cursor>,
}

impl<T: Listed> Page<T> {
    /// Builds a page from a query for `limit + 1` items. The extra item is dropped and only shows
    /// that there is a next page, so a full last page does not link to an empty one.
    #[must_use]
    pub fn from_overfetch(items: Vec<T>, limit: Limit) -> Self {
        let mut page = Self { items, next: None };
        page.truncate(limit.items());
        page
    }

    /// Keeps the first `items` items. The next page then begins with the first dropped one.
    ///
    /// At least one item is kept, so a client that follows the pages always advances. A page that
    /// has no more than `items` items does not change.
    pub fn truncate(&mut self, items: usize) {
        let kept = items.max(1);
        if kept < self.items.len() {
            self.items.truncate(kept);
            self.next = self.items.last().map(Listed::cursor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_rejects_numbers_outside_1_to_100() {
        assert_eq!(Limit::new(0), Err(LimitError::TooSmall));
        assert_eq!(Limit::new(101), Err(LimitError::TooLarge));
        assert_eq!(Limit::new(i64::MAX), Err(LimitError::TooLarge));
        assert_eq!(Limit::new(100).unwrap().items(), 100);
    }

    #[test]
    fn cursor_parses_what_it_displays() {
        for id in [0, 1, 42, i64::MAX] {
            assert_eq!(Cursor::after(id).to_string().parse(), Ok(Cursor::after(id)));
        }
    }

    #[test]
    fn cursor_rejects_other_texts() {
        for text in ["", "1", "000000000000000g", "ffffffffffffffff", "+00000000000001a", "000000000000001A"]
        {
            assert_eq!(text.parse::<Cursor>(), Err(CursorError), "{text:?}");
        }
    }

    #[derive(Debug, PartialEq)]
    struct Item(i64);

    impl Listed for Item {
        fn cursor(&self) -> Cursor {
            Cursor::after(self.0)
        }
    }

    /// Returns the ids of a page and the id of its cursor.
    fn ids(page: &Page<Item>) -> (Vec<i64>, Option<i64>) {
        (page.items.iter().map(|item| item.0).collect(), page.next.map(Cursor::id))
    }

    #[test]
    fn from_overfetch_has_no_next_after_a_full_last_page() {
        let limit = Limit::new(2).unwrap();
        let page =
            |found: &[i64]| ids(&Page::from_overfetch(found.iter().copied().map(Item).collect(), limit));
        assert_eq!(page(&[]), (vec![], None));
        assert_eq!(page(&[9]), (vec![9], None));
        assert_eq!(page(&[9, 8]), (vec![9, 8], None));
        assert_eq!(page(&[9, 8, 7]), (vec![9, 8], Some(8)));
    }

    #[test]
    fn truncate_continues_after_the_last_kept_item() {
        for (next, kept, expected) in [
            (None, 0, (vec![9], Some(9))),
            (None, 1, (vec![9], Some(9))),
            (None, 2, (vec![9, 8], Some(8))),
            (None, 3, (vec![9, 8, 7], None)),
            (Some(7), 2, (vec![9, 8], Some(8))),
            (Some(7), 3, (vec![9, 8, 7], Some(7))),
            (Some(7), 4, (vec![9, 8, 7], Some(7))),
        ] {
            let mut page = Page { items: [9, 8, 7].map(Item).into(), next: next.map(Cursor::after) };
            page.truncate(kept);
            assert_eq!(ids(&page), expected, "{next:?} {kept}");
        }
    }

    #[test]
    fn truncate_keeps_an_empty_page_and_the_only_item() {
        let mut page = Page::<Item> { items: vec![], next: None };
        page.truncate(0);
        assert_eq!(ids(&page), (vec![], None));
        let mut page = Page { items: vec![Item(9)], next: None };
        page.truncate(0);
        assert_eq!(ids(&page), (vec![9], None));
    }
}
