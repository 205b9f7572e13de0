//! A bounded number of threads with a bounded queue and a memory budget. A job is a closure that
//! gets the memory that it needs.
//!
//! Written by hand, because the thread pools of rayon and Tokio have an unbounded queue and no
//! memory budget.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use argon2::Block;
use futures_channel::oneshot;

use crate::Error;
use crate::budget::{Lease, MemoryBudget, Need};

/// Owns the threads. When it is dropped, each thread finishes the job that it has begun and ends.
pub(crate) struct Pool {
    queue: Arc<Queue>,
}

struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    capacity: usize,
}

struct State {
    waiting: VecDeque<Box<dyn Job>>,
    /// The number of threads that wait for a job, or were woken for a job still in the queue.
    idle: usize,
    closed: bool,
    budget: MemoryBudget,
}

trait Job: Send {
    /// Returns true if the caller has dropped its future.
    fn is_canceled(&self) -> bool;
    fn need(&self) -> Need;
    fn run(self: Box<Self>, blocks: Result<&mut [Block], Error>);
}

struct Task<T, F> {
    need: Need,
    work: F,
    result: oneshot::Sender<Result<T, Error>>,
}

impl Pool {
    /// Starts the threads, at least one.
    ///
    /// At most `capacity` jobs may wait, beside those that an idle thread is about to take.
    pub(crate) fn start(threads: usize, capacity: usize, budget: MemoryBudget) -> io::Result<Self> {
        let state = State { waiting: VecDeque::new(), idle: 0, closed: false, budget };
        let queue = Queue { state: Mutex::new(state), changed: Condvar::new(), capacity };
        let pool = Self { queue: Arc::new(queue) };
        for _ in 0..threads.max(1) {
            let queue = Arc::clone(&pool.queue);
            let thread = thread::Builder::new().name("password-hash".to_owned());
            thread.spawn(move || queue.run_jobs())?;
        }
        Ok(pool)
    }

    /// Runs the work on one of the threads and returns its result.
    ///
    /// Jobs begin in the order of the queue. The first waits until its memory fits into the budget,
    /// so the need must not exceed the limit of the budget.
    ///
    /// The work is queued when the future is first polled. If the future is dropped before a thread
    /// takes the work, the work never runs. Work that a thread has taken runs to its end, and its
    /// result is dropped.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] if the queue is full, [`Error::Internal`] if there is no memory or the work
    /// panics, and the error of the work itself.
    pub(crate) async fn run<T, F>(&self, need: Need, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut [Block]) -> Result<T, Error> + Send + 'static,
    {
        let (result, receiver) = oneshot::channel();
        self.queue.push(Box::new(Task { need, work, result }))?;
        // The sender is dropped without a result only if the work panics. The panic hook reports
        // the cause.
        receiver.await.unwrap_or_else(|_| Err(Error::internal("hashing panicked")))
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let mut state = self.queue.state();
        state.closed = true;
        state.waiting.clear();
        self.queue.changed.notify_all();
    }
}

impl Queue {
    /// Locks the state. No job runs under the lock, so the state of a poisoned lock is still valid.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, job: Box<dyn Job>) -> Result<(), Error> {
        let mut state = self.state();
        let room = self.capacity + state.idle;
        if state.waiting.len() >= room {
            // Canceled jobs must not take the capacity from live ones.
            state.waiting.retain(|job| !job.is_canceled());
        }
        if state.waiting.len() >= room {
            return Err(Error::Busy);
        }
        state.waiting.push_back(job);
        self.changed.notify_one();
        Ok(())
    }

    /// Waits for the next job that is not canceled, and for its memory. Returns `None` when the
    /// pool is dropped.
    ///
    /// Memory that expires is freed meanwhile. Without such memory, the wait has no timeout.
    fn next(&self) -> Option<(Box<dyn Job>, Lease)> {
        let mut state = self.state();
        loop {
            if let Some(next) = state.begin() {
                // An idle thread may take the next job, which waited behind this one.
                if !state.waiting.is_empty() {
                    self.changed.notify_one();
                }
                return Some(next);
            }
            if state.closed {
                return None;
            }
            let now = Instant::now();
            let expired = state.budget.expire(now);
            if !expired.is_empty() {
                // Unlocked first: a caller must not wait while the system frees the memory.
                drop(state);
                drop(expired);
                state = self.state();
                continue;
            }
            let timeout = state.budget.next_expiry(now);
            state.idle += 1;
            state = match timeout {
                Some(timeout) => {
                    let wait = self.changed.wait_timeout(state, timeout);
                    wait.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
            state.idle -= 1;
        }
    }

    /// Runs jobs until the pool is dropped. This is the main function of each thread.
    fn run_jobs(&self) {
        while let Some((job, mut lease)) = self.next() {
            // Unwind safe: a panic frees the memory, and only the account of it remains.
            drop(catch_unwind(AssertUnwindSafe(|| lease.run(|blocks| job.run(blocks)))));
            self.state().budget.end(lease, Instant::now());
        }
    }
}

impl State {
    /// Takes the first job that is not canceled, if its memory fits.
    fn begin(&mut self) -> Option<(Box<dyn Job>, Lease)> {
        while self.waiting.front().is_some_and(|job| job.is_canceled()) {
            self.waiting.pop_front();
        }
        let need = self.waiting.front()?.need();
        if !self.budget.fits(need) {
            return None;
        }
        Some((self.waiting.pop_front()?, self.budget.begin(need)))
    }
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: FnOnce(&mut [Block]) -> Result<T, Error> + Send,
{
    fn is_canceled(&self) -> bool {
        self.result.is_canceled()
    }

    fn need(&self) -> Need {
        self.need
    }

    fn run(self: Box<Self>, blocks: Result<&mut [Block], Error>) {
        // Sending fails if the caller has dropped its future. The result is not needed then.
        drop(self.result.send(blocks.and_then(self.work)));
    }
}

#[cfg(test)]
mod tests;
