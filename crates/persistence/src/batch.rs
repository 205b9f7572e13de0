//! Batches of deletions: each is small enough not to delay the writes of others.

/// The maximum number of rows in one batch. SQLite deletes this many notes in about 10 ms.
pub(crate) const ROWS_MAX: i64 = 1_000;

/// The maximum length of the texts in one batch, in bytes. With `secure_delete`, SQLite overwrites
/// them with zeros, so they take about as long as rows.
const BYTES_MAX: i64 = 4 * 1024 * 1024;

/// The outcome of one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// The number of deleted rows. Rows that the database deletes by a cascade are not included.
    pub deleted: usize,
    /// The position of the next batch, or `None` if this batch was the last one.
    pub next: Option<i64>,
}

/// The rows and bytes that a batch may still delete.
pub(crate) struct Remaining {
    pub(crate) rows: i64,
    bytes: i64,
    pub(crate) deleted: usize,
}

/// The first rows of a table that fit into a batch.
#[derive(Debug, PartialEq)]
pub(crate) struct Selection {
    pub(crate) ids: Vec<i64>,
    /// True if the table has no more rows.
    pub(crate) is_all: bool,
}

impl Default for Remaining {
    fn default() -> Self {
        Self { rows: ROWS_MAX, bytes: BYTES_MAX, deleted: 0 }
    }
}

impl Remaining {
    /// Selects the first rows that fit, and counts them. Each row is its id and the bytes of its
    /// text. The rows were read with [`Remaining::rows`] as the limit.
    ///
    /// The first row of a batch always fits, so every batch makes progress.
    pub(crate) fn select(&mut self, rows: &[(i64, Option<i32>)]) -> Selection {
        let limit = self.rows;
        let mut ids = Vec::with_capacity(rows.len());
        for (id, bytes) in rows {
            let bytes = i64::from(bytes.unwrap_or(0));
            if bytes > self.bytes && self.deleted > 0 {
                break;
            }
            self.bytes -= bytes;
            self.count(1);
            ids.push(*id);
        }
        Selection { is_all: ids.len() == rows.len() && (rows.len() as i64) < limit, ids }
    }

    /// Counts rows that have no text.
    pub(crate) fn count(&mut self, rows: usize) {
        self.rows -= rows as i64;
        self.deleted += rows;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn select_takes_the_first_rows_up_to_the_limits() {
        let all = i32::try_from(BYTES_MAX).unwrap();
        let full: Vec<_> = (0..ROWS_MAX).map(|id| (id, Some(1))).collect();
        for (rows, selected, is_all) in [
            (vec![], 0, true),
            (vec![(1, None), (2, Some(3))], 2, true),
            (vec![(1, Some(all)), (2, None), (3, Some(0))], 3, true),
            (vec![(1, Some(all)), (2, Some(1))], 1, false),
            (vec![(1, Some(i32::MAX))], 1, true),
            (vec![(1, Some(i32::MAX)), (2, Some(0))], 1, false),
            (full, 1_000, false),
        ] {
            let selection = Remaining::default().select(&rows);
            let ids: Vec<_> = rows.iter().take(selected).map(|(id, _)| *id).collect();
            assert_eq!(selection, Selection { ids, is_all }, "{rows:?}");
        }
    }

    #[test]
    fn select_continues_with_what_the_earlier_tables_leave() {
        let mut remaining = Remaining::default();
        let half = i32::try_from(BYTES_MAX / 2).unwrap();
        assert!(remaining.select(&[(1, Some(half))]).is_all);
        assert_eq!(
            remaining.select(&[(1, Some(half)), (2, Some(half))]),
            Selection { ids: vec![1], is_all: false }
        );
        assert_eq!((remaining.rows, remaining.deleted), (ROWS_MAX - 2, 2));
    }
}
