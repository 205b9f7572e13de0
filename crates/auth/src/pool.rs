//! A bounded number of threads with a bounded queue. A job is a closure that gets a thread's
//! memory.
//!
//! Written by hand, because the thread pools of rayon and Tokio have an unbounded queue.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use futures_channel::oneshot;

use crate::Error;
use crate::memory::Memory;

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
}

trait Job: Send {
    /// Returns true if the caller has dropped its future.
    fn is_canceled(&self) -> bool;
    fn run(self: Box<Self>, memory: &mut Memory);
}

struct Task<T, F> {
    work: F,
    result: oneshot::Sender<Result<T, Error>>,
}

impl Pool {
    /// Starts the threads, at least one.
    ///
    /// At most `capacity` jobs may wait, beside those that an idle thread is about to take. Each
    /// thread retains at most `retained_blocks` blocks of memory between jobs.
    pub(crate) fn start(threads: usize, capacity: usize, retained_blocks: usize) -> io::Result<Self> {
        let state = State { waiting: VecDeque::new(), idle: 0, closed: false };
        let queue = Queue { state: Mutex::new(state), changed: Condvar::new(), capacity };
        let pool = Self { queue: Arc::new(queue) };
        for _ in 0..threads.max(1) {
            let queue = Arc::clone(&pool.queue);
            let thread = thread::Builder::new().name("password-hash".to_owned());
            thread.spawn(move || queue.run_jobs(retained_blocks))?;
        }
        Ok(pool)
    }

    /// Runs the work on one of the threads and returns its result.
    ///
    /// The work is queued when the future is first polled. If the future is dropped before a thread
    /// takes the work, the work never runs. Work that a thread has taken runs to its end, and its
    /// result is dropped.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] if the queue is full, [`Error::Internal`] if the work panics, and the error
    /// of the work itself.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut Memory) -> Result<T, Error> + Send + 'static,
    {
        let (result, receiver) = oneshot::channel();
        self.queue.push(Box::new(Task { work, result }))?;
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

    /// Waits for the next job that is not canceled. Returns `None` when the pool is dropped.
    fn next(&self) -> Option<Box<dyn Job>> {
        let mut state = self.state();
        loop {
            while let Some(job) = state.waiting.pop_front() {
                if !job.is_canceled() {
                    return Some(job);
                }
            }
            if state.closed {
                return None;
            }
            state.idle += 1;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    /// Runs jobs until the pool is dropped. This is the main function of each thread.
    fn run_jobs(&self, retained_blocks: usize) {
        let mut memory = Memory::new(retained_blocks);
        while let Some(job) = self.next() {
            // Unwind safe: only the memory outlives a panic, and no job relies on its old content.
            drop(catch_unwind(AssertUnwindSafe(|| job.run(&mut memory))));
        }
    }
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: FnOnce(&mut Memory) -> Result<T, Error> + Send,
{
    fn is_canceled(&self) -> bool {
        self.result.is_canceled()
    }

    fn run(self: Box<Self>, memory: &mut Memory) {
        // Sending fails if the caller has dropped its future. The result is not needed then.
        drop(self.result.send((self.work)(memory)));
    }
}

#[cfg(test)]
mod tests;
