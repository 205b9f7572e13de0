//! The account of the budget, with times that the test chooses.

use std::time::{Duration, Instant};

use super::{MemoryBudget, Need};

const RETENTION: Duration = Duration::from_secs(60);

/// Runs one job after the other, and returns the size of each job's blocks.
fn run(budget: &mut MemoryBudget, need: Need, now: Instant) -> usize {
    let mut lease = budget.begin(need);
    let mut count = 0;
    lease.run(|blocks| count = blocks.unwrap().len());
    budget.end(lease, now);
    count
}

#[test]
fn begin_reuses_the_memory_of_a_new_hash_and_frees_other_memory() {
    let mut budget = MemoryBudget::new(300, 100, RETENTION);
    let now = Instant::now();
    for (need, blocks, retained) in [
        (Need::Blocks(100), 100, 1),
        (Need::Blocks(8), 100, 1),
        (Need::Heap(200), 0, 1),
        (Need::Heap(201), 0, 0),
        (Need::Blocks(101), 101, 0),
        (Need::Blocks(100), 100, 1),
        (Need::Blocks(200), 200, 1),
        (Need::Blocks(300), 300, 0),
        (Need::Heap(0), 0, 0),
    ] {
        assert_eq!(run(&mut budget, need, now), blocks, "{need:?}");
        assert_eq!((budget.retained.len(), budget.used), (retained, 0), "{need:?}");
    }
}

#[test]
fn fits_counts_the_running_jobs() {
    let mut budget = MemoryBudget::new(300, 100, RETENTION);
    let (first, second) = (budget.begin(Need::Blocks(1)), budget.begin(Need::Heap(150)));
    assert!(!budget.fits(Need::Blocks(1)), "it takes the memory of a new hash");
    assert!(budget.fits(Need::Heap(50)) && !budget.fits(Need::Heap(51)));
    assert!(!budget.fits(Need::Heap(usize::MAX)));
    budget.end(second, Instant::now());
    assert!(budget.fits(Need::Blocks(200)) && !budget.fits(Need::Blocks(201)));
    budget.end(first, Instant::now());
    assert!(budget.fits(Need::Blocks(300)) && !budget.fits(Need::Blocks(301)));
}

#[test]
fn memory_expires_after_the_retention_without_use() {
    let mut budget = MemoryBudget::new(300, 100, RETENTION);
    let begin = Instant::now();
    let at = |seconds| begin + Duration::from_secs(seconds);
    assert_eq!(budget.next_expiry(begin), None);
    let mut leases = [0, 1].map(|_| budget.begin(Need::Blocks(100)));
    for lease in &mut leases {
        lease.run(|blocks| assert_eq!(blocks.unwrap().len(), 100));
    }
    for lease in leases {
        budget.end(lease, begin);
    }
    // One hash at a time uses the same memory, so the other one expires.
    for seconds in [20, 40] {
        assert_eq!(run(&mut budget, Need::Blocks(100), at(seconds)), 100);
    }
    assert_eq!(budget.next_expiry(at(45)), Some(Duration::from_secs(15)));
    assert_eq!(budget.expire(at(59)).len(), 0);
    assert_eq!(budget.expire(at(60)).len(), 1);
    assert_eq!(budget.next_expiry(at(60)), Some(Duration::from_secs(40)));
    assert_eq!(budget.expire(at(99)).len(), 0);
    assert_eq!(budget.expire(at(1_000)).len(), 1);
    assert_eq!(budget.next_expiry(at(1_000)), None);
}
