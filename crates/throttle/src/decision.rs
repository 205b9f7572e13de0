//! Decides whether every bucket admits one unit, from the microseconds used in each.

use crate::Bucket;

/// The state of each bucket after a take, and the bucket that refused it.
pub(crate) struct Decision {
    /// The microseconds used in each bucket after the take.
    pub(crate) used: Vec<i64>,
    /// The index of the bucket that refused. If several refused, the one with the longest wait.
    pub(crate) refused_by: Option<usize>,
}

impl Decision {
    /// Takes one unit from each bucket, or from none if one of them refuses. `used` contains the
    /// microseconds used in each bucket before the take.
    pub(crate) fn of(buckets: &[Bucket<'_>], mut used: Vec<i64>) -> Self {
        let waits = buckets.iter().zip(&used).map(|(bucket, used)| bucket.quota.wait(*used));
        let longest = waits.enumerate().max_by_key(|(_, wait)| *wait);
        let refused_by = longest.filter(|(_, wait)| *wait > 0).map(|(index, _)| index);
        if refused_by.is_none() {
            used.iter_mut().zip(buckets).for_each(|(used, bucket)| *used += bucket.quota.interval());
        }
        Self { used, refused_by }
    }
}
