//! Clients that are too slow are dropped, and slow ones at the minimum rate are served.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use actix_http::KeepAlive;
use daybook_listener::{Event, MinimumRate, Options, Part};

use crate::harness::{Client, DRIP, Server, eventually, options};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// actix-http reads its clock twice a second, so a shorter timeout may be over at the start.
const SHORT: Duration = Duration::from_millis(1_500);

/// A response that does not fit into the buffers of both sides.
const LARGE: usize = 8_000_000;

fn late(part: Part) -> Event {
    Event::TimedOut(part)
}

/// Returns options that drop a client that moves less than `bytes_per_second`.
fn at_least(bytes_per_second: u32) -> Options {
    Options { minimum_rate: MinimumRate { grace: SHORT, bytes_per_second }, ..options() }
}

#[track_caller]
fn expect_408(client: &mut Client) {
    let response = client.response("GET").unwrap();
    assert_eq!((response.status.as_str(), response.field("connection")), ("HTTP/1.1 408", "close"));
    client.expect_closed();
}

/// Sends the bytes one by one until the server has closed the connection.
fn send_slowly(client: Client, bytes: &[u8], pause: Duration) -> Client {
    let (reader, mut writer) = client.divide();
    for byte in bytes {
        writer.send([*byte]);
        thread::sleep(pause);
    }
    reader
}

#[test]
fn head_behind_another_request_times_out() {
    let server = Server::start(Options {
        client_request_timeout: SHORT,
        keep_alive: KeepAlive::Timeout(SHORT),
        ..options()
    });
    let started = Instant::now();
    thread::scope(|threads| {
        for behind in ["G", "\r\nG", "GET / HTTP/1.1\r\nHost: a\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r"] {
            for is_pipelined in [true, false] {
                let server = &server;
                threads.spawn(move || {
                    let mut client = server.connect();
                    client.send(if is_pipelined { [GET, behind].concat() } else { GET.to_owned() });
                    assert_eq!(client.response("GET").unwrap().body, "home");
                    if !is_pipelined {
                        client.send(behind);
                    }
                    expect_408(&mut client);
                });
            }
        }
        let server = &server;
        threads.spawn(move || {
            // Each byte alone would be in time.
            let mut client = server.connect();
            client.send(GET);
            assert_eq!(client.response("GET").unwrap().body, "home");
            let bytes = GET.repeat(2).replace("\r\n\r\n", "\r\nX: y\r\n");
            expect_408(&mut send_slowly(client, bytes.as_bytes(), Duration::from_millis(100)));
        });
        threads.spawn(move || {
            // Only empty lines have arrived, so the connection is idle.
            let mut client = server.connect();
            client.send([GET, "\r\n\r\n"].concat());
            assert_eq!(client.response("GET").unwrap().body, "home");
            client.expect_closed();
        });
    });
    assert!(started.elapsed() >= SHORT);
    assert_eq!(server.reported(late(Part::Head)), 9);
}

/// The empty line starts the timer of an idle connection, which is longer.
#[test]
fn head_behind_an_empty_line_has_the_timeout_of_a_head() {
    let server = Server::start(Options { client_request_timeout: SHORT, ..options() });
    let mut client = server.connect();
    client.send(GET);
    assert_eq!(client.response("GET").unwrap().body, "home");
    client.send("\r\n");
    thread::sleep(SHORT / 3);
    client.send("G");
    expect_408(&mut client);
    assert_eq!(server.reported(late(Part::Head)), 1);
}

#[test]
fn head_after_an_idle_time_has_its_whole_timeout() {
    let server = Server::start(Options { client_request_timeout: SHORT, ..options() });
    let mut client = server.connect();
    for _ in 0..2 {
        client.send(&GET[..7]);
        thread::sleep(SHORT / 3);
        client.send(&GET[7..]);
        assert_eq!(client.response("GET").unwrap().body, "home");
        thread::sleep(SHORT);
    }
}

#[test]
fn silent_body_times_out() {
    let server = Server::start(at_least(1_000));
    let head = "POST /echo HTTP/1.1\r\nHost: a\r\n";
    let before = [GET, GET].concat();
    thread::scope(|threads| {
        for request in [
            format!("{head}Content-Length: 10\r\n\r\n"),
            format!("{head}Content-Length: 10\r\n\r\nhello"),
            format!("{head}Transfer-Encoding: chunked\r\n\r\n"),
            format!("{head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
            format!("{head}Connection: upgrade\r\nUpgrade: websocket\r\n\r\nhello"),
        ] {
            for before in ["", &before] {
                let (server, request) = (&server, [before, &request].concat());
                threads.spawn(move || {
                    let mut client = server.connect();
                    client.send(&request);
                    for _ in 0..before.len() / GET.len() {
                        assert_eq!(client.response("GET").unwrap().body, "home", "{request}");
                    }
                    expect_408(&mut client);
                });
            }
        }
    });
    assert_eq!(server.reported(late(Part::Body)), 10);
    assert_eq!(server.reported(late(Part::Head)), 0);
}

/// Another response would follow the interim one, and the client would take it for the final one.
#[test]
fn silent_body_after_100_continue_closes_the_connection() {
    let server = Server::start(at_least(1_000));
    let mut client = server.connect();
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert!(client.response("POST").unwrap().is_interim());
    client.expect_closed();
    assert_eq!(server.reported(late(Part::Body)), 1);
}

#[test]
fn slow_body_times_out_below_the_minimum_rate_and_is_served_above_it() {
    let server = Server::start(at_least(1_000));
    let body = "x".repeat(4_000);
    let head = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\n";
    let chunked = format!(
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    thread::scope(|threads| {
        for request in [format!("{head}{body}"), chunked] {
            let server = &server;
            let below = request.clone();
            threads.spawn(move || {
                let mut client = server.connect();
                client.send(&below[..100]);
                expect_408(&mut send_slowly(client, &below.as_bytes()[100..140], Duration::from_millis(100)));
            });
            threads.spawn(move || {
                // 10 kB/s, which takes longer than a silent client has.
                let cuts: Vec<_> = (0..request.len()).step_by(20).collect();
                let mut client = server.connect();
                client.send_in_parts(request.as_bytes(), &cuts);
                assert_eq!(client.response("POST").unwrap().body.len(), 4_000);
            });
        }
    });
    assert_eq!(server.reported(late(Part::Body)), 2);
}

/// The server waits for the handler, and not for the client.
#[test]
fn slow_handler_costs_the_client_no_time() {
    let grace = Duration::from_millis(100);
    let server =
        Server::start(Options { minimum_rate: MinimumRate { grace, bytes_per_second: 1 }, ..options() });
    let mut client = server.connect();
    for _ in 0..3 {
        client.send("POST /late HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\ndata");
        assert_eq!(client.response("POST").unwrap().body, "late");
    }
}

#[test]
fn client_that_reads_nothing_is_dropped() {
    let server = Server::start(at_least(1_000));
    for path in [format!("/large/{LARGE}"), format!("/large/{}", LARGE * 4)] {
        let mut client = server.connect_with_a_small_buffer();
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n{GET}"));
        let before = server.reported(late(Part::Response));
        eventually("a dropped client", || server.reported(late(Part::Response)) > before);
        let (read, is_closed) = client.read_slowly(64 * 1024, Duration::ZERO);
        assert!(!is_closed && read < LARGE / 2, "{read} bytes");
    }
    eventually("closed connections", || server.reported(Event::Closed) == 2);
}

#[test]
fn client_that_reads_below_the_minimum_rate_is_dropped() {
    let server = Server::start(at_least(1_000_000));
    let mut client = server.connect_with_a_small_buffer();
    client.send(format!("GET /large/{LARGE} HTTP/1.1\r\nHost: a\r\n\r\n"));
    let (read, is_closed) = client.read_slowly(4_096, Duration::from_millis(20));
    assert!(!is_closed && read < LARGE, "{read} bytes");
    assert_eq!(server.reported(late(Part::Response)), 1);
}

/// epoll alone would report the progress of such a client too late.
#[test]
fn client_that_reads_above_the_minimum_rate_is_served() {
    let server = Server::start(at_least(20_000));
    let mut client = server.connect_with_a_small_buffer();
    let size = 600_000;
    client.send(format!("GET /large/{size} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    let started = Instant::now();
    // At most 100 kB/s.
    let (read, is_closed) = client.read_slowly(1_000, Duration::from_millis(10));
    assert!(is_closed && read > size, "{read} bytes");
    assert!(started.elapsed() > 2 * SHORT);
    assert_eq!(server.reported(late(Part::Response)), 0);
}

#[test]
fn value_is_kept_until_the_response_has_been_sent() {
    let server = Server::start(options());
    let sent = || server.counts.sent.load(Ordering::SeqCst);
    let mut client = server.connect_with_a_small_buffer();
    client.send(format!("GET /large/{LARGE} HTTP/1.1\r\nHost: a\r\n\r\n"));
    let mut other = server.connect();
    other.send("GET /large/10 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(other.response("GET").unwrap().body.len(), 10);
    eventually("a small response that was sent", || sent() == 1);
    thread::sleep(Duration::from_millis(100));
    assert_eq!(sent(), 1, "the large response was not read");
    assert_eq!(client.response("GET").unwrap().body.len(), LARGE);
    eventually("a large response that was sent", || sent() == 2);
    client.send(format!("GET /large/{LARGE} HTTP/1.1\r\nHost: a\r\n\r\n"));
    drop(client);
    eventually("a connection that has ended", || sent() == 3);
}

#[test]
fn response_that_is_read_too_slowly_in_total_is_ended() {
    let server = Server::start(Options { response_timeout: SHORT, ..options() });
    let mut client = server.connect_with_a_small_buffer();
    client.send(format!("GET /large/{LARGE} HTTP/1.1\r\nHost: a\r\n\r\n"));
    let (read, is_closed) = client.read_slowly(16 * 1024, Duration::from_millis(10));
    assert!(!is_closed && read < LARGE, "{read} bytes");
    assert_eq!(server.reported(late(Part::Response)), 1);
}

#[test]
fn stream_that_the_client_keeps_up_with_has_no_total_time() {
    let server = Server::start(Options { response_timeout: SHORT, ..options() });
    let mut client = server.connect_with_a_small_buffer();
    client.send("GET /drip HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    // Each part fills the socket, and the client has read it long before the next one.
    let started = Instant::now();
    let (read, is_closed) = client.read_slowly(256 * 1024, Duration::ZERO);
    assert!(is_closed && read > 15 * DRIP, "{read} bytes");
    assert!(started.elapsed() > 2 * SHORT);
    assert_eq!(server.reported(late(Part::Response)), 0);
}
