//! Connections are limited for each network and in total.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use daybook_listener::{ConnectionLimits, Event, IsExempt, MinimumRate, Options};

use crate::harness::{Client, Server, eventually, options};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

fn limited(per_network: usize, total: usize) -> Options {
    Options { connections: Some(ConnectionLimits { per_network, total }), ..options() }
}

#[track_caller]
fn expect_served(client: &mut Client) {
    client.send(GET);
    assert_eq!(client.response("GET").unwrap().body, "home");
}

#[track_caller]
fn expect_refused(client: &mut Client, status: &str, sentence: &str) {
    client.send(GET);
    let response = client.response("GET").unwrap();
    assert_eq!(response.status, format!("HTTP/1.1 {status}"));
    assert!(response.body.contains(sentence), "{}", response.body);
    assert_eq!((response.field("retry-after"), response.field("connection")), ("5", "close"));
    client.expect_closed();
}

#[test]
fn network_over_its_limit_is_429_and_others_are_served() {
    let server = Server::start(limited(3, 100));
    let mut held: Vec<_> = (0..3).map(|_| server.connect()).collect();
    held.iter_mut().for_each(expect_served);
    for _ in 0..20 {
        expect_refused(&mut server.connect(), "429", "from your IP");
    }
    expect_served(&mut server.connect_from(2));
    expect_served(&mut held[0]);
    assert_eq!(server.reported(Event::RefusedByNetwork), 20);
    // A connection that ends makes room for another one.
    drop(held.pop());
    eventually("a closed connection", || server.reported(Event::Closed) >= 2);
    expect_served(&mut server.connect());
}

#[test]
fn connections_over_the_total_are_503() {
    let server = Server::start(limited(2, 4));
    let mut held: Vec<_> = [1, 1, 2, 2].map(|number| server.connect_from(number)).into();
    held.iter_mut().for_each(expect_served);
    expect_refused(&mut server.connect_from(3), "503", "too many connections");
    expect_refused(&mut server.connect_from(2), "429", "from your IP");
    assert_eq!(server.reported(Event::RefusedInTotal), 1);
}

#[test]
fn exempt_addresses_have_no_limit_of_their_own() {
    let is_proxy = |address| address == IpAddr::from([127, 0, 0, 2]);
    let server = Server::start(Options { is_exempt: IsExempt::new(is_proxy), ..limited(1, 4) });
    let mut held: Vec<_> = (0..4).map(|_| server.connect_from(2)).collect();
    held.iter_mut().for_each(expect_served);
    expect_refused(&mut server.connect_from(2), "503", "too many connections");
}

/// The system has accepted the whole response, so the server closes the connection.
#[test]
fn closed_connection_counts_until_its_client_has_received_the_response() {
    let server = Server::start(limited(1, 10));
    let mut slow = server.connect_with_a_small_buffer();
    slow.send("GET /large/100000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    eventually("a closed connection", || server.reported(Event::Closed) == 1);
    expect_refused(&mut server.connect(), "429", "from your IP");
    let (read, is_closed) = slow.read_slowly(64 * 1024, Duration::ZERO);
    assert!(is_closed && read > 100_000, "{read} bytes");
    eventually("room for a connection", || {
        let mut client = server.connect();
        client.send(GET);
        client.response("GET").is_some_and(|response| response.body == "home")
    });
}

#[test]
fn closed_connection_whose_client_never_reads_is_reset() {
    let rate = MinimumRate { grace: Duration::from_millis(1_500), bytes_per_second: 1_000 };
    let server = Server::start(Options { minimum_rate: rate, ..limited(1, 10) });
    let mut slow = server.connect_with_a_small_buffer();
    slow.send("GET /large/100000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    eventually("a closed connection", || server.reported(Event::Closed) == 1);
    expect_refused(&mut server.connect(), "429", "from your IP");
    eventually("room for a connection", || {
        let mut client = server.connect();
        client.send(GET);
        client.response("GET").is_some_and(|response| response.body == "home")
    });
    let (read, is_closed) = slow.read_slowly(64 * 1024, Duration::ZERO);
    assert!(!is_closed && read < 100_000, "{read} bytes");
}

#[test]
fn client_that_resets_its_connection_makes_room_at_once() {
    let server = Server::start(limited(2, 10));
    for round in 1..=10 {
        let mut slow = server.connect_with_a_small_buffer();
        slow.send("GET /large/8000000 HTTP/1.1\r\nHost: a\r\n\r\n");
        slow.read_a_part();
        // The client has unread bytes, so its system resets the connection.
        drop(slow);
        eventually("a closed connection", || server.reported(Event::Closed) == 2 * round - 1);
        expect_served(&mut server.connect());
        eventually("a closed connection", || server.reported(Event::Closed) == 2 * round);
    }
    assert_eq!(server.reported(Event::RefusedByNetwork), 0);
}

/// 127.0.0.1 and ::ffff:127.0.0.1 are one network, and ::1 is another one.
#[test]
fn ipv6_socket_limits_both_families() {
    let server = Server::start_at("[::]:0", limited(1, 10));
    let connect = |host: &str| Client::to((host, server.address.port()));
    let mut four = connect("127.0.0.1");
    expect_served(&mut four);
    expect_refused(&mut connect("127.0.0.1"), "429", "from your IP");
    let mut six = connect("::1");
    expect_served(&mut six);
    expect_refused(&mut connect("::1"), "429", "from your IP");
}

#[test]
fn silent_connections_over_the_limit_are_refused_in_time_and_in_a_bounded_number() {
    let server = Server::start(Options { workers: Some(2), ..limited(1, 1_000) });
    let mut first = server.connect();
    expect_served(&mut first);
    let silent: Vec<_> = (0..600).map(|_| server.connect()).collect();
    let started = Instant::now();
    eventually("refused connections", || server.reported(Event::RefusedByNetwork) == 600);
    let mut with_response = 0;
    for mut client in silent {
        let rest = client.rest();
        assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 429 "), "{rest}");
        with_response += usize::from(!rest.is_empty());
    }
    // 128 at a time wait half a second for a request. All others are closed at once.
    assert!((1..600).contains(&with_response), "{with_response} responses");
    assert!(started.elapsed() < Duration::from_secs(15));
    expect_served(&mut first);
}

#[test]
fn dropped_connection_returns_its_permit_on_every_worker() {
    let server = Server::start(Options { workers: Some(3), ..limited(3, 6) });
    for round in 1..=20 {
        let mut held: Vec<_> = (0..3).map(|_| server.connect()).collect();
        held.iter_mut().for_each(expect_served);
        drop(held);
        eventually("closed connections", || server.reported(Event::Closed) == 3 * round);
    }
    assert_eq!(server.reported(Event::RefusedByNetwork), 0);
}
