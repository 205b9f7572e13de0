//! Limits the memory of concurrent hashes, and retains memory from one hash to the next.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use argon2::Block;

use crate::Error;
use crate::memory::Memory;

/// The memory that one job needs, in KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// [`Memory`] with at least as many blocks, for Argon2id.
    Blocks(usize),
    /// Memory that the job itself allocates on the heap and frees.
    Heap(usize),
}

/// Accounts for the memory of the running jobs and for the retained memory. Counts in KiB, which is
/// the size of a block.
pub(crate) struct MemoryBudget {
    limit: usize,
    /// The memory of the running jobs.
    used: usize,
    /// The size of each retained memory: that of a new hash.
    size: usize,
    /// The memory that no job uses, and since when. The least recently used is in front.
    retained: VecDeque<(Instant, Memory)>,
    retention: Duration,
}

/// The memory of one job, from [`MemoryBudget::begin`] to [`MemoryBudget::end`].
pub(crate) struct Lease {
    cost: usize,
    /// The number of blocks to map if `memory` is `None`. 0 if the job needs none.
    blocks: usize,
    memory: Option<Memory>,
    /// True if a new hash can use the memory.
    is_retained: bool,
    /// Retained memory to free before the job runs.
    evicted: Vec<Memory>,
}

impl Need {
    pub(crate) fn kib(self) -> usize {
        match self {
            Self::Blocks(kib) | Self::Heap(kib) => kib,
        }
    }
}

impl MemoryBudget {
    /// Jobs use at most `limit` KiB together with the retained memory, of which each has `size`
    /// KiB. Retained memory expires after `retention` without use.
    pub(crate) fn new(limit: usize, size: usize, retention: Duration) -> Self {
        Self { limit, used: 0, size, retained: VecDeque::new(), retention }
    }

    /// True if the job can run beside the running ones.
    pub(crate) fn fits(&self, need: Need) -> bool {
        self.used.saturating_add(self.cost(need)) <= self.limit
    }

    /// Charges the memory of a job that [fits](Self::fits).
    pub(crate) fn begin(&mut self, need: Need) -> Lease {
        let cost = self.cost(need);
        let blocks = match need {
            Need::Blocks(_) => cost,
            Need::Heap(_) => 0,
        };
        let is_retained = blocks == self.size;
        // The most recently used memory, so that memory expires if fewer jobs run at once.
        let memory = if is_retained { self.retained.pop_back() } else { None };
        self.used += cost;
        let mut evicted = Vec::new();
        while self.used + self.retained.len() * self.size > self.limit
            && let Some((_, memory)) = self.retained.pop_front()
        {
            evicted.push(memory);
        }
        Lease { cost, blocks, memory: memory.map(|(_, memory)| memory), is_retained, evicted }
    }

    /// Ends a job and retains its memory if a new hash can use it.
    pub(crate) fn end(&mut self, lease: Lease, now: Instant) {
        self.used -= lease.cost;
        self.retained.extend(lease.memory.map(|memory| (now, memory)));
    }

    /// Takes the memory that has expired.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<Memory> {
        let expired = |(since, _): &(Instant, _)| now.saturating_duration_since(*since) >= self.retention;
        let count = self.retained.iter().take_while(|retained| expired(retained)).count();
        self.retained.drain(..count).map(|(_, memory)| memory).collect()
    }

    /// Returns the time until the next memory expires. `None` if none is retained.
    pub(crate) fn next_expiry(&self, now: Instant) -> Option<Duration> {
        let (since, _) = self.retained.front()?;
        Some(self.retention.saturating_sub(now.saturating_duration_since(*since)))
    }

    /// A smaller hash gets the same memory as a new one, which may already have been written.
    fn cost(&self, need: Need) -> usize {
        match need {
            Need::Blocks(kib) => kib.max(self.size),
            Need::Heap(kib) => kib,
        }
    }
}

impl Lease {
    /// Runs a job on its blocks. They are empty for a job that allocates its own memory.
    ///
    /// The job gets [`Error::Internal`] if the memory cannot be mapped. If the job panics, its
    /// memory is freed.
    pub(crate) fn run(&mut self, job: impl FnOnce(Result<&mut [Block], Error>)) {
        self.evicted.clear();
        let mut memory = match self.memory.take() {
            Some(memory) => memory,
            None => match Memory::map(self.blocks) {
                Ok(memory) => memory,
                Err(error) => return job(Err(error)),
            },
        };
        job(Ok(memory.blocks()));
        // Other memory is freed here, before the budget allows another job to use as much.
        self.memory = Some(memory).filter(|_| self.is_retained);
    }
}

#[cfg(test)]
mod tests;
