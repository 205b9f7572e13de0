use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    task::Poll,
    thread,
    time::{Duration, Instant},
};

use futures_util::future::join_all;

use super::Pool;
use crate::Error;

/// Polls a future once, which queues its work.
async fn queued<F: Future>(future: &mut std::pin::Pin<&mut F>) {
    let first = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
    assert!(first.is_pending());
}

#[tokio::test]
async fn full_queue_is_busy_at_once_and_the_abandoned_make_room() {
    let pool = Pool::start(1, 1, 1).unwrap();
    let (release, released) = mpsc::channel::<()>();
    let (begun_sender, begun) = mpsc::channel();
    let mut running = pin!(pool.run(move |_| {
        begun_sender.send(()).unwrap();
        released.recv().unwrap();
        Ok(1)
    }));
    queued(&mut running).await;
    begun.recv().unwrap();

    let count = Arc::new(AtomicUsize::new(0));
    let counted = || {
        let count = Arc::clone(&count);
        move |_: &mut _| Ok(count.fetch_add(1, Ordering::SeqCst))
    };
    {
        let mut waiting = pin!(pool.run(counted()));
        queued(&mut waiting).await;
        assert!(matches!(pool.run(counted()).await, Err(Error::Busy)));
    }
    let mut heir = pin!(pool.run(counted()));
    queued(&mut heir).await;
    release.send(()).unwrap();
    assert_eq!(running.await.unwrap(), 1);
    assert_eq!(heir.await.unwrap(), 0, "what was abandoned and what was refused never ran");
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_idle_thread_needs_no_queue() {
    let pool = Pool::start(2, 0, 1).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while pool.0.state().idle < 2 {
        assert!(Instant::now() < deadline);
        thread::sleep(Duration::from_millis(1));
    }
    let answers = join_all((0..2).map(|i| pool.run(move |_| Ok(i)))).await;
    assert!(answers.into_iter().all(|answer| answer.is_ok()));
}

#[tokio::test]
async fn what_has_begun_runs_to_its_end() {
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
        queued(&mut running).await;
        begun.recv().unwrap();
    }
    release.send(()).unwrap();
    done.recv_timeout(Duration::from_secs(10)).unwrap();
}

#[tokio::test]
async fn a_panic_is_an_error_and_the_thread_lives() {
    let pool = Pool::start(1, 1, 1).unwrap();
    for _ in 0..3 {
        let answer: Result<(), Error> = pool.run(|_| panic!("this panic is part of the test")).await;
        assert!(matches!(answer, Err(Error::Internal(_))));
    }
    assert_eq!(pool.run(|_| Ok(7)).await.unwrap(), 7);
}

#[tokio::test]
async fn dropping_the_pool_ends_its_threads() {
    let pool = Pool::start(3, 1, 1).unwrap();
    pool.run(|_| Ok(())).await.unwrap();
    let queue = Arc::downgrade(&pool.0);
    drop(pool);
    let deadline = Instant::now() + Duration::from_secs(10);
    while queue.strong_count() > 0 {
        assert!(Instant::now() < deadline, "a thread is still there");
        thread::sleep(Duration::from_millis(1));
    }
}
