//! Each response follows its own request.

use std::thread;
use std::time::Duration;

use crate::harness::{Client, Server, options};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const HEAD: &str = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
const POST: &str = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\ndata";
const CHUNKED: &str = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
    4;name=value\r\nlong\r\n6\r\n\r\n\r\n\r\n\r\n0\r\nDigest: x\r\n\r\n";

/// Reads the responses to requests with these methods. Checks their bodies.
#[track_caller]
fn expect(client: &mut Client, answers: &[(&str, &str)]) {
    for (method, body) in answers {
        let response = client.response(method).unwrap();
        assert_eq!((response.status.as_str(), response.body.as_str()), ("HTTP/1.1 200", *body), "{method}");
        if *method == "HEAD" {
            assert_eq!(response.field("content-length"), "4");
        }
    }
}

#[test]
fn responses_follow_their_requests_in_one_write() {
    let server = Server::start(options());
    let (get, head, post) = ((GET, "GET", "home"), (HEAD, "HEAD", ""), (POST, "POST", "data"));
    let chunked = (CHUNKED, "POST", "long\r\n\r\n\r\n");
    let stream = ("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "one, two, three");
    let late = ("GET /late HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "late");
    for pipeline in [
        &[post, head][..],
        &[head, get],
        &[get, head, get],
        &[head, post],
        &[chunked, head],
        &[head, chunked, head],
        &[stream, head, stream],
        &[late, post, head, late, get],
    ] {
        let mut client = server.connect();
        client.send(pipeline.iter().map(|(bytes, ..)| *bytes).collect::<String>());
        let answers: Vec<_> = pipeline.iter().map(|(_, method, body)| (*method, *body)).collect();
        expect(&mut client, &answers);
        // The connection is still usable.
        client.send(GET);
        expect(&mut client, &[("GET", "home")]);
    }
}

#[test]
fn responses_follow_their_requests_cut_at_every_byte() {
    let server = Server::start(options());
    let bare = "GET / HTTP/1.1\nHost: a\n\n";
    let all = [POST, HEAD, CHUNKED, "\r\n", HEAD, bare, "\r\n\n", HEAD].concat();
    let answers = [
        ("POST", "data"),
        ("HEAD", ""),
        ("POST", "long\r\n\r\n\r\n"),
        ("HEAD", ""),
        ("GET", "home"),
        ("HEAD", ""),
    ];
    thread::scope(|scope| {
        for first in 0..8 {
            let (server, all) = (&server, all.as_bytes());
            scope.spawn(move || {
                for cut in (first..all.len()).step_by(8) {
                    let mut client = server.connect();
                    client.send_in_parts(all, &[cut]);
                    expect(&mut client, &answers);
                }
            });
        }
    });
    let mut client = server.connect();
    client.send_in_parts(all.as_bytes(), &(1..all.len()).collect::<Vec<_>>());
    expect(&mut client, &answers);
}

#[test]
fn five_hundred_requests_in_one_write_are_all_answered() {
    let server = Server::start(options());
    let mut client = server.connect();
    let requests = (0..500).map(|number| format!("GET /number/{number} HTTP/1.1\r\nHost: a\r\n\r\n"));
    client.send(requests.collect::<String>());
    for number in 0..500 {
        assert_eq!(client.response("GET").unwrap().body, format!("number {number}"));
    }
}

#[test]
fn large_bodies_are_read_whole() {
    let server = Server::start(options());
    let body = "0123456789".repeat(20_000);
    let length = format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let chunks: String = body
        .as_bytes()
        .chunks(7_001)
        .map(|chunk| format!("{:x}\r\n{}\r\n", chunk.len(), str::from_utf8(chunk).unwrap()))
        .collect();
    let chunked =
        format!("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n");
    let (mut client, mut writer) = server.connect().divide();
    let all = [length.as_str(), HEAD, &chunked, HEAD].concat();
    let sent = thread::spawn(move || writer.send(all));
    let body = body.as_str();
    expect(&mut client, &[("POST", body), ("HEAD", ""), ("POST", body), ("HEAD", "")]);
    sent.join().unwrap();
}

#[test]
fn each_response_has_the_version_of_its_request() {
    let server = Server::start(options());
    let old = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    let mut client = server.connect();
    client.send([GET, old, GET, "GET / HTTP/1.0\r\n\r\n", GET].concat());
    for version in ["HTTP/1.1 200", "HTTP/1.0 200", "HTTP/1.1 200", "HTTP/1.0 200"] {
        let response = client.response("GET").unwrap();
        assert_eq!((response.status.as_str(), response.body.as_str()), (version, "home"));
    }
    client.expect_closed();
}

#[test]
fn body_after_100_continue_is_read() {
    let server = Server::start(options());
    for (framing, body) in
        [("Content-Length: 4", "data"), ("Transfer-Encoding: chunked", "4\r\ndata\r\n0\r\n\r\n")]
    {
        let head = format!("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n{framing}\r\n\r\n");
        for waits in [true, false] {
            let mut client = server.connect();
            client.send([HEAD, &head].concat());
            if !waits {
                client.send([body, HEAD].concat());
            }
            expect(&mut client, &[("HEAD", "")]);
            assert!(client.response("POST").unwrap().is_interim());
            if waits {
                thread::sleep(Duration::from_millis(20));
                client.send([body, HEAD].concat());
            }
            expect(&mut client, &[("POST", "data"), ("HEAD", "")]);
        }
    }
}
