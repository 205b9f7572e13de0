//! Stands in for the counters in Redis without the feature `redis`: none are shared.

use crate::Bucket;
use crate::decision::Decision;

/// No value of this type exists.
pub(crate) enum SharedCounters {}

impl SharedCounters {
    pub(crate) async fn take(&self, _: &[Bucket<'_>]) -> Option<Decision> {
        match *self {}
    }

    pub(crate) async fn give_back(&self, _: &Bucket<'_>) {
        match *self {}
    }

    pub(crate) async fn reset(&self, _: &Bucket<'_>) {
        match *self {}
    }
}
