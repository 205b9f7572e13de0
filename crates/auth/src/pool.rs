//! A bounded number of threads behind a bounded queue. Knows no password: a job is a closure that wants memory.

use std::{
    collections::VecDeque,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use futures_channel::oneshot;

use crate::{Error, memory::Memory};

/// Owns the threads: they end when it is dropped, each after the job that it has begun.
pub(crate) struct Pool(Arc<Queue>);

struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    capacity: usize,
}

struct State {
    waiting: VecDeque<Box<dyn Job>>,
    /// Threads that wait for a job, or were woken for one that is still in the queue.
    idle: usize,
    closed: bool,
}

trait Job: Send {
    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;
    fn run(self: Box<Self>, memory: &mut Memory);
}

struct Task<T, F> {
    work: F,
    answer: oneshot::Sender<Result<T, Error>>,
}

impl Pool {
    /// Starts at least one thread. `capacity` jobs may wait beside those that an idle thread is about to take; `kept` is how
    /// many blocks of memory each thread keeps once it has needed them.
    pub(crate) fn start(threads: usize, capacity: usize, kept: usize) -> io::Result<Self> {
        let state = State { waiting: VecDeque::new(), idle: 0, closed: false };
        let pool = Self(Arc::new(Queue { state: Mutex::new(state), changed: Condvar::new(), capacity }));
        for _ in 0..threads.max(1) {
            let queue = Arc::clone(&pool.0);
            thread::Builder::new().name("password-hash".to_owned()).spawn(move || queue.serve(kept))?;
        }
        Ok(pool)
    }

    /// Has the work done on one of the threads. It is queued when the future is first polled; if the future is dropped before a
    /// thread takes the work, it is never done, and after that it runs to its end unheard.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut Memory) -> Result<T, Error> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        self.0.push(Box::new(Task { work, answer }))?;
        // Without an answer the task was dropped while it ran: it panicked, and the panic hook has told.
        answered.await.unwrap_or_else(|_| Err(Error::internal("hashing panicked")))
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.closed = true;
        state.waiting.clear();
        self.0.changed.notify_all();
    }
}

impl Queue {
    /// No job runs under the lock, so a poisoned one would still guard a sound state.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, job: Box<dyn Job>) -> Result<(), Error> {
        let mut state = self.state();
        let room = self.capacity + state.idle;
        if state.waiting.len() >= room {
            // The impatient must not keep the others out.
            state.waiting.retain(|job| !job.is_abandoned());
        }
        if state.waiting.len() >= room {
            return Err(Error::Busy);
        }
        state.waiting.push_back(job);
        self.changed.notify_one();
        Ok(())
    }

    /// The next job that somebody waits for; none when the pool is gone.
    fn next(&self) -> Option<Box<dyn Job>> {
        let mut state = self.state();
        loop {
            while let Some(job) = state.waiting.pop_front() {
                if !job.is_abandoned() {
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

    /// What a thread does with its life.
    fn serve(&self, kept: usize) {
        let mut memory = Memory::new(kept);
        while let Some(job) = self.next() {
            // Unwind safe: the only thing that outlives a panic is memory whose content nobody relies on.
            drop(catch_unwind(AssertUnwindSafe(|| job.run(&mut memory))));
        }
    }
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: FnOnce(&mut Memory) -> Result<T, Error> + Send,
{
    fn is_abandoned(&self) -> bool {
        self.answer.is_canceled()
    }

    fn run(self: Box<Self>, memory: &mut Memory) {
        // It fails when the caller has gone meanwhile, and then nobody misses the answer.
        drop(self.answer.send((self.work)(memory)));
    }
}

#[cfg(test)]
mod tests;
