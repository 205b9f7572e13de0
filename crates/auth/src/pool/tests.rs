//! The queue of the pool: its limit, canceled jobs, panics, and the end of its threads.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::Pool;
use crate::Error;

/// Polls a future once, which queues its work.
async fn queue<F: Future>(future: &mut Pin<&mut F>) {
    let first = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
    assert!(first.is_pending());
}

#[tokio::test]
async fn run_is_busy_at_once_if_the_queue_is_full_and_canceled_jobs_make_room() {
    let pool = Pool::start(1, 1, 1).unwrap();
    let (release, released) = mpsc::channel::<()>();
    let (begun_sender, begun) = mpsc::channel();
    let mut running = pin!(pool.run(move |_| {
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
        let mut waiting = pin!(pool.run(counted()));
        queue(&mut waiting).await;
        assert!(matches!(pool.run(counted()).await, Err(Error::Busy)));
    }
    let mut next = pin!(pool.run(counted()));
    queue(&mut next).await;
    release.send(()).unwrap();
    assert_eq!(running.await.unwrap(), 1);
    assert_eq!(next.await.unwrap(), 0, "neither the canceled nor the rejected job ran");
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn run_needs_no_queue_while_threads_are_idle() {
    let pool = Pool::start(2, 0, 1).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while pool.queue.state().idle < 2 {
        assert!(Instant::now() < deadline);
        thread::sleep(Duration::from_millis(1));
    }
    let answers = join_all((0..2).map(|i| pool.run(move |_| Ok(i)))).await;
    assert!(answers.into_iter().all(|answer| answer.is_ok()));
}

#[tokio::test]
async fn a_job_that_has_begun_runs_to_its_end_after_cancellation() {
    let pool = Pool::start(1, 1, 1).unwrap();
    let (begun_sender, begun) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let (done_sender, done) = mpsc::channel();
    {
        let mut running = pin!(pool.run(move |_| {
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
    let pool = Pool::start(1, 1, 1).unwrap();
    for _ in 0..3 {
        let answer: Result<(), Error> = pool.run(|_| panic!("this panic is part of the test")).await;
        assert!(matches!(answer, Err(Error::Internal(_))));
    }
    assert_eq!(pool.run(|_| Ok(7)).await.unwrap(), 7);
}

#[tokio::test]
async fn drop_ends_the_threads() {
    let pool = Pool::start(3, 1, 1).unwrap();
    pool.run(|_| Ok(())).await.unwrap();
    let queue = Arc::downgrade(&pool.queue);
    drop(pool);
    let deadline = Instant::now() + Duration::from_secs(10);
    while queue.strong_count() > 0 {
        assert!(Instant::now() < deadline, "a thread has not ended");
        thread::sleep(Duration::from_millis(1));
    }
}
