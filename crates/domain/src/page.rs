//! Keyset pagination: a page is what comes after a place in the list, never an offset into it.

use std::fmt;
use std::str::FromStr;

/// How many items a page has at most: 1 to 100, 20 unless asked otherwise.
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
    /// The largest page: with notes of 100,000 characters it is 10 MB of text, as much as one answer should be.
    pub const MAX: i64 = 100;

    /// A page size of so many items.
    ///
    /// # Errors
    ///
    /// Outside 1..=100.
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

/// A place in a list that is ordered by id, newest first: the page after it has the ids below.
///
/// It is written as 16 hexadecimal digits, which a client takes from a link and never reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor(i64);

/// A text that is not one of our cursors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this list")]
pub struct CursorError;

impl Cursor {
    /// The place behind the item with this id.
    #[must_use]
    pub fn after(id: i64) -> Self {
        Self(id)
    }

    /// Ids on the page are below this one.
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

/// Which page is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PageRequest {
    /// At most so many items.
    pub limit: Limit,
    /// Behind this place; the newest items without one.
    pub cursor: Option<Cursor>,
}

/// A page of a list, and where the next one begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, newest first.
    pub items: Vec<T>,
    /// The place behind the last item, if there are more.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// Makes a page of `limit` items out of one item more than that, if there is one more: so a full last page has no link to an
    /// empty one.
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
    fn limits_are_one_to_a_hundred() {
        assert_eq!(Limit::new(0), Err(LimitError::TooSmall));
        assert_eq!(Limit::new(101), Err(LimitError::TooLarge));
        assert_eq!(Limit::new(i64::MAX), Err(LimitError::TooLarge));
        assert_eq!(Limit::new(100).unwrap().items(), 100);
    }

    #[test]
    fn cursors_survive_the_way_out_and_back() {
        for id in [0, 1, 42, i64::MAX] {
            assert_eq!(Cursor::after(id).to_string().parse(), Ok(Cursor::after(id)));
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        for text in ["", "1", "000000000000000g", "ffffffffffffffff", "+00000000000001a", "000000000000001A"]
        {
            assert_eq!(text.parse::<Cursor>(), Err(CursorError), "{text:?}");
        }
    }

    #[test]
    fn the_last_full_page_has_no_next() {
        let limit = Limit::new(2).unwrap();
        assert_eq!(Page::from_overfetch(vec![9, 8], limit, |id| *id).next, None);
        let page = Page::from_overfetch(vec![9, 8, 7], limit, |id| *id);
        assert_eq!((page.items, page.next), (vec![9, 8], Some(Cursor::after(8))));
    }
}
