//! Keyset pagination: a page begins after an item's id and not at an offset.

use std::fmt;
use std::str::FromStr;

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
    /// The largest page. With notes of 100,000 characters it has 10 MB of text, which is enough for
    /// one response.
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

/// A page of a list, and the position of the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, newest first.
    pub items: Vec<T>,
    /// The position after the last item; `None` on the last page.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// Builds a page from a query for `limit + 1` items. The extra item is dropped and only shows
    /// that there is a next page, so a full last page does not link to an empty one.
    #[must_use]
    pub fn from_overfetch(mut items: Vec<T>, limit: Limit, id: impl Fn(&T) -> i64) -> Self {
        let more = items.len() > limit.items();
        items.truncate(limit.items());
        let next = if more { items.last().map(|last| Cursor::after(id(last))) } else { None };
        Self { items, next }
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

    #[test]
    fn from_overfetch_has_no_next_after_a_full_last_page() {
        let limit = Limit::new(2).unwrap();
        assert_eq!(Page::from_overfetch(vec![9, 8], limit, |id| *id).next, None);
        let page = Page::from_overfetch(vec![9, 8, 7], limit, |id| *id);
        assert_eq!((page.items, page.next), (vec![9, 8], Some(Cursor::after(8))));
    }
}
