//! An output that stops, fails or is slow.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::{LogQueue, WAITING_MAX, WRITE_MAX, writes};

/// Much longer than any test needs.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Collects what is written. It blocks while a test holds the lock.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Output {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// An output that fails, like a pipe whose reader has ended.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn lines_of_each_thread_are_written_in_order() {
    let output = Output::default();
    let queue = LogQueue::start(output.clone()).unwrap();
    thread::scope(|scope| {
        for name in ["a", "b", "c", "d"] {
            let queue = &queue;
            scope.spawn(move || {
                for number in 0..5_000 {
                    queue.push(format!("{name} {number}\n").as_bytes());
                }
            });
        }
    });
    queue.flush(TIMEOUT);
    let text = output.text();
    for name in ["a ", "b ", "c ", "d "] {
        let numbers: Vec<usize> =
            text.lines().filter_map(|line| line.strip_prefix(name)?.parse().ok()).collect();
        assert_eq!(numbers, (0..5_000).collect::<Vec<_>>(), "{name}");
    }
    assert_eq!((text.lines().count(), queue.lost().get()), (20_000, 0));
}

#[test]
fn push_counts_dropped_lines_if_the_output_is_blocked() {
    let output = Output::default();
    let queue = LogQueue::start(output.clone()).unwrap();
    let line = [&[b'x'; 1_023][..], b"\n"].concat();
    let blocked = output.0.lock().unwrap();
    let pushed = 2 * WAITING_MAX / line.len() + 100;
    for _ in 0..pushed {
        queue.push(&line);
    }
    // The thread has at most one batch, and as much waits.
    let lost = queue.lost().get();
    assert!((100..=pushed as u64).contains(&lost), "{lost}");
    let started = Instant::now();
    queue.flush(Duration::from_millis(50));
    assert!(started.elapsed() < TIMEOUT, "flush waits longer than its timeout");
    assert!(queue.0.state.lock().unwrap().waiting.len() <= WAITING_MAX);

    drop(blocked);
    queue.flush(TIMEOUT);
    queue.push(b"again\n");
    queue.flush(TIMEOUT);
    let text = output.text();
    assert!(text.ends_with("x\nagain\n"));
    assert_eq!(text.lines().count() as u64, pushed as u64 - lost + 1);
    assert_eq!(queue.lost().get(), lost);
}

#[test]
fn lines_whose_write_fails_are_counted() {
    let queue = LogQueue::start(Closed).unwrap();
    for _ in 0..1_000 {
        queue.push(b"a line\n");
    }
    queue.flush(TIMEOUT);
    assert_eq!(queue.lost().get(), 1_000);
}

#[test]
fn writes_end_with_a_whole_line() {
    let line = |length: usize| [vec![b'x'; length - 1], vec![b'\n']].concat();
    let table: [(&[usize], &[usize]); 7] = [
        (&[], &[]),
        (&[1], &[1]),
        (&[WRITE_MAX], &[WRITE_MAX]),
        (&[WRITE_MAX + 1, 5, 6], &[WRITE_MAX + 1, 11]),
        (&[WRITE_MAX - 5, 5, 6], &[WRITE_MAX, 6]),
        (&[WRITE_MAX - 5, 6, 7], &[WRITE_MAX - 5, 13]),
        (&[10, 2 * WRITE_MAX, 3], &[10, 2 * WRITE_MAX, 3]),
    ];
    for (lines, expected) in table {
        let batch: Vec<u8> = lines.iter().flat_map(|length| line(*length)).collect();
        let lengths: Vec<_> = writes(&batch).map(<[u8]>::len).collect();
        assert_eq!(lengths, expected, "{lines:?}");
    }
}
