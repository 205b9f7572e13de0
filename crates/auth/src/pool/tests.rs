//! The queue of the pool: its limit, canceled jobs, panics, memory, and the end of its threads.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use futures_util::future::join_all;

use super::{Pool, State, Task};
use crate::Error;
use crate::budget::{MemoryBudget, Need};

/// For jobs that need no memory.
const NONE: Need = Need::Heap(0);

/// Starts a pool with 4 KiB of memory, of which a new hash takes 1 KiB.
fn start(threads: usize, capacity: usize, retention: Duration) -> Pool {
    Pool::start(threads, capacity, MemoryBudget::new(4, 1, retention)).unwrap()
}

/// Waits for a condition, and fails if it hangs.
fn wait_until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "the condition is not met");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Polls a future once, which queues its work.
async fn queue<F: Future>(future: &mut Pin<&mut F>) {
    let first = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
    assert!(first.is_pending());
}

#[tokio::test]
async fn run_is_busy_at_once_if_the_queue_is_full_and_canceled_jobs_make_room() {
    let pool = start(1, 1, Duration::MAX);
    let (release, released) = mpsc::channel::<()>();
    let (begun_sender, begun) = mpsc::channel();
    let mut running = pin!(pool.run(NONE, move |_| {
        begun_sender.send(()).unwrap();
        released.recv().unwrap();
        Ok(1)
    }));
    queue(&mut running).await;
    begun.recv().unwrap();

    let count = Arc::new(AtomicUsize::new(0));
    let counted = || {
        let count = Arc::clone(&count);
        move |_: &mut _| Ok(count.fetch_add(1, Ordering::SeqCst))
    };
    {
        let mut waiting = pin!(pool.run(NONE, counted()));
        queue(&mut waiting).await;
        assert!(matches!(pool.run(NONE, counted()).await, Err(Error::Busy)));
    }
    let mut next = pin!(pool.run(NONE, counted()));
    queue(&mut next).await;
    release.send(()).unwrap();
    assert_eq!(running.await.unwrap(), 1);
    assert_eq!(next.await.unwrap(), 0, "neither the canceled nor the rejected job ran");
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn run_needs_no_queue_while_threads_are_idle() {
    let pool = start(2, 0, Duration::MAX);
    wait_until(|| pool.queue.state().idle == 2);
    let answers = join_all((0..2).map(|i| pool.run(NONE, move |_| Ok(i)))).await;
    assert!(answers.into_iter().all(|answer| answer.is_ok()));
}

#[tokio::test]
async fn threads_that_were_idle_leave_no_room_in_the_queue() {
    let pool = start(1, 0, Duration::MAX);
    for _ in 0..3 {
        wait_until(|| pool.queue.state().idle == 1);
        pool.run(NONE, |_| Ok(())).await.unwrap();
    }
    wait_until(|| pool.queue.state().idle == 1);
    let (release, released) = mpsc::channel::<()>();
    let mut running = pin!(pool.run(NONE, move |_| {
        released.recv().unwrap();
        Ok(())
    }));
    queue(&mut running).await;
    wait_until(|| pool.queue.state().idle == 0);
    assert!(matches!(pool.run(NONE, |_| Ok(())).await, Err(Error::Busy)));
    release.send(()).unwrap();
    running.await.unwrap();
}

#[tokio::test]
async fn a_job_that_has_begun_runs_to_its_end_after_cancellation() {
    let pool = start(1, 1, Duration::MAX);
    let (begun_sender, begun) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let (done_sender, done) = mpsc::channel();
    {
        let mut running = pin!(pool.run(NONE, move |_| {
            begun_sender.send(()).unwrap();
            released.recv().unwrap();
            done_sender.send(()).unwrap();
            Ok(())
        }));
        queue(&mut running).await;
        begun.recv().unwrap();
    }
    release.send(()).unwrap();
    done.recv_timeout(Duration::from_secs(10)).unwrap();
}

#[tokio::test]
async fn run_returns_an_error_if_the_work_panics_and_the_thread_goes_on() {
    let pool = start(1, 1, Duration::MAX);
    for _ in 0..3 {
        let answer: Result<(), Error> = pool.run(NONE, |_| panic!("this panic is part of the test")).await;
        assert!(matches!(answer, Err(Error::Internal(_))));
    }
    assert_eq!(pool.run(NONE, |_| Ok(7)).await.unwrap(), 7);
}

#[tokio::test]
async fn drop_ends_the_threads() {
    let pool = start(3, 1, Duration::MAX);
    pool.run(NONE, |_| Ok(())).await.unwrap();
    let queue = Arc::downgrade(&pool.queue);
    drop(pool);
    wait_until(|| queue.strong_count() == 0);
}

#[test]
fn begin_waits_for_the_memory_of_the_first_job() {
    let budget = MemoryBudget::new(4, 1, Duration::MAX);
    let mut state = State { waiting: VecDeque::new(), idle: 0, closed: false, budget };
    let mut receivers = Vec::new();
    for need in [Need::Blocks(3), Need::Heap(2), Need::Blocks(1), NONE] {
        let (result, receiver) = oneshot::channel();
        receivers.push(receiver);
        state.waiting.push_back(Box::new(Task { need, work: |_: &mut _| Ok(()), result }));
    }
    let (_, first) = state.begin().unwrap();
    // The others would fit. They must not keep the large job waiting.
    assert!(state.begin().is_none());
    assert_eq!(state.waiting.len(), 3);
    state.budget.end(first, Instant::now());
    let begun: Vec<_> = std::iter::from_fn(|| state.begin()).map(|(job, _)| job.need()).collect();
    assert_eq!(begun, [Need::Heap(2), Need::Blocks(1), NONE]);

    let (result, receiver) = oneshot::channel();
    drop(receiver);
    let canceled = Task { need: Need::Heap(2), work: |_: &mut _| Ok(()), result };
    state.waiting.push_back(Box::new(canceled));
    let (result, _receiver) = oneshot::channel();
    state.waiting.push_back(Box::new(Task { need: NONE, work: |_: &mut _| Ok(()), result }));
    assert_eq!(state.begin().unwrap().0.need(), NONE, "a canceled job keeps no job waiting");
}

#[tokio::test]
async fn jobs_that_fit_together_run_at_the_same_time_after_a_large_one() {
    let pool = start(4, 8, Duration::MAX);
    let (release, released) = mpsc::channel::<()>();
    let mut large = pin!(pool.run(Need::Blocks(4), move |_| {
        released.recv().unwrap();
        Ok(())
    }));
    queue(&mut large).await;
    wait_until(|| pool.queue.state().waiting.is_empty());
    let barrier = Arc::new(Barrier::new(4));
    let small = (0..4).map(|_| {
        let barrier = Arc::clone(&barrier);
        pool.run(Need::Blocks(1), move |blocks| {
            // Returns only if all four run at the same time.
            barrier.wait();
            Ok(blocks.len())
        })
    });
    let mut small = pin!(join_all(small));
    queue(&mut small).await;
    wait_until(|| pool.queue.state().idle == 3);
    release.send(()).unwrap();
    large.await.unwrap();
    let small = tokio::time::timeout(Duration::from_secs(10), small).await.unwrap();
    assert!(small.into_iter().all(|count| count.unwrap() == 1));
}

#[tokio::test]
async fn memory_of_idle_threads_expires_and_the_next_job_maps_it_again() {
    let pool = start(2, 8, Duration::from_millis(50));
    for _ in 0..3 {
        let jobs = join_all((0..4).map(|_| pool.run(Need::Blocks(1), |blocks| Ok(blocks.len()))));
        assert!(jobs.await.into_iter().all(|count| count.unwrap() == 1));
        wait_until(|| pool.queue.state().budget.next_expiry(Instant::now()).is_none());
    }
}

#[tokio::test]
async fn a_panic_frees_the_memory_of_the_job() {
    let pool = start(1, 1, Duration::MAX);
    for _ in 0..3 {
        let answer: Result<(), Error> =
            pool.run(Need::Blocks(4), |_| panic!("this panic is part of the test")).await;
        assert!(matches!(answer, Err(Error::Internal(_))));
    }
    assert_eq!(pool.run(Need::Blocks(4), |blocks| Ok(blocks.len())).await.unwrap(), 4);
}

#[tokio::test]
async fn run_returns_an_error_if_the_memory_cannot_be_mapped() {
    let count = usize::MAX / 1024;
    let pool = Pool::start(1, 1, MemoryBudget::new(count, 1, Duration::MAX)).unwrap();
    for _ in 0..2 {
        let answer = pool.run(Need::Blocks(count), |_| Ok(())).await;
        assert!(matches!(answer, Err(Error::Internal(_))));
    }
    assert_eq!(pool.run(Need::Blocks(1), |blocks| Ok(blocks.len())).await.unwrap(), 1);
}
