//! Random pipelines are answered like single requests, and random chunks as by `HttpServer`.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any};
use proptest::prop_oneof;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::harness::{Client, Response, Server, options};

/// A request, and the method that its response needs to be read.
#[derive(Debug, Clone)]
struct Request {
    method: &'static str,
    bytes: Vec<u8>,
}

/// Returns a runner for `PROPTEST_CASES` cases, or by default for a few.
fn runner() -> TestRunner {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(64);
    TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() })
}

/// Returns this body in chunks of at most `size` bytes.
fn chunks(body: &[u8], size: usize, extension: &str, trailer: &str) -> Vec<u8> {
    let mut chunked = Vec::new();
    for chunk in body.chunks(size) {
        chunked.extend_from_slice(format!("{:x}{extension}\r\n", chunk.len()).as_bytes());
        chunked.extend_from_slice(chunk);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(format!("0{extension}\r\n{trailer}\r\n").as_bytes());
    chunked
}

/// A head and a body in its encoding.
type Framed = (String, Vec<u8>);

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..80),
        vec(select(&b"\r\n0a:"[..]), 0..40),
        Just(b"GET /count HTTP/1.1\r\nHost: a\r\n\r\n".to_vec()),
    ]
}

fn framed() -> impl Strategy<Value = Framed> {
    let extension = select(vec!["", ";x", " ;name=\"value\"", "\t"]);
    let trailer = select(vec!["", "A: 1\r\n", "A: 1\r\nBcd: 2\r\n"]);
    prop_oneof![
        1 => Just((String::new(), Vec::new())),
        3 => body().prop_map(|body| (format!("Content-Length: {}", body.len()), body)),
        3 => (body(), 1..50_usize, extension, trailer).prop_map(|(body, size, extension, trailer)| {
            ("Transfer-Encoding: chunked".to_owned(), chunks(&body, size, extension, trailer))
        }),
    ]
}

/// Returns the bytes of a request. Fields that are empty are left out.
fn assemble(line: &str, fields: &[&str], end: &str, body: &[u8]) -> Vec<u8> {
    let fields = fields.iter().filter(|field| !field.is_empty());
    let lines: String = [line].iter().chain(fields).map(|line| format!("{line}{end}")).collect();
    [lines.as_bytes(), end.as_bytes(), body].concat()
}

fn request() -> impl Strategy<Value = Request> {
    let version = || prop_oneof![9 => Just("HTTP/1.1"), 1 => Just("HTTP/1.0")];
    let connection =
        || prop_oneof![8 => Just(""), 1 => Just("Connection: close"), 1 => Just("Connection: keep-alive")];
    let end = || prop_oneof![4 => Just("\r\n"), 1 => Just("\n")];
    let before = prop_oneof![6 => Just(""), 1 => Just("\r\n"), 1 => Just("\n\r\n")];
    let paths = select(vec!["/", "/soon", "/stream", "/nowhere"]);
    let read = (select(vec!["GET", "HEAD"]), paths, version(), connection(), end());
    let read = read.prop_map(|(method, path, version, connection, end)| {
        // Chunks belong to HTTP/1.1.
        let version = if path == "/stream" { "HTTP/1.1" } else { version };
        let line = format!("{method} {path} {version}");
        Request { method, bytes: assemble(&line, &["Host: a", connection], end, b"") }
    });
    let expect = prop_oneof![5 => Just(""), 1 => Just("Expect: 100-continue")];
    let paths = prop_oneof![4 => Just("/echo"), 1 => Just("/ignore")];
    let write = (paths, framed(), version(), connection(), end(), expect);
    let write = write.prop_map(|(path, (framing, body), version, connection, end, expect)| {
        // HTTP/1.0 has no chunks, and needs a length.
        let version = if framing.starts_with("Content") { version } else { "HTTP/1.1" };
        let line = format!("POST {path} {version}");
        let fields = ["Host: a", connection, &framing, expect];
        Request { method: "POST", bytes: assemble(&line, &fields, end, &body) }
    });
    (before, prop_oneof![read, write]).prop_map(|(before, mut request)| {
        request.bytes.splice(0..0, before.bytes());
        request
    })
}

/// Reads the responses to these requests, until the connection is closed. Calls `before` before
/// each.
fn responses(
    client: &mut Client,
    requests: &[Request],
    mut before: impl FnMut(&mut Client, &Request),
) -> Vec<Response> {
    let mut responses = Vec::new();
    for request in requests {
        before(client, request);
        loop {
            let Some(response) = client.response(request.method) else { return responses };
            let is_interim = response.is_interim();
            responses.push(response);
            if !is_interim {
                break;
            }
        }
    }
    responses
}

#[test]
fn random_pipelines_are_answered_like_single_requests() {
    let server = Server::start(options());
    let pipelines = (vec(request(), 1..7), vec(any::<Index>(), 0..5));
    let outcome = runner().run(&pipelines, |(requests, cuts)| {
        let mut client = server.connect();
        let single = responses(&mut client, &requests, |client, request| client.send(&request.bytes));
        let all: Vec<u8> = requests.iter().flat_map(|request| request.bytes.clone()).collect();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(all.len())).collect();
        cuts.sort_unstable();
        let mut client = server.connect();
        client.send_in_parts(&all, &cuts);
        let pipelined = responses(&mut client, &requests, |_, _| {});
        if pipelined == single {
            Ok(())
        } else {
            let text = String::from_utf8_lossy(&all).into_owned();
            Err(TestCaseError::fail(format!("{text:?} at {cuts:?}: {pipelined:#?} instead of {single:#?}")))
        }
    });
    assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
    assert_eq!(server.counted(), 0);
}

/// Changes one place of a chunked body.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let original = (body(), 1..50_usize, select(vec!["", ";x"]), select(vec!["", "A: 1\r\n"]));
    let bytes = vec(select(&b"\r\n 0a1f;:gx\x7f\t"[..]), 0..3);
    (original, any::<Index>(), 0..3_usize, bytes).prop_map(|(original, at, removed, bytes)| {
        let (body, size, extension, trailer) = original;
        let mut chunked = chunks(&body, size, extension, trailer);
        let at = at.index(chunked.len());
        let end = chunked.len().min(at + removed);
        chunked.splice(at..end, bytes);
        chunked
    })
}

/// The response to a malformed body. `HttpServer` accepts malformed trailers.
const MALFORMED: &str = "HTTP/1.1 400 Bad Request\ncontent-length: 0\nconnection: close\n";

/// `HttpServer` responds correctly here, because both requests are alike.
#[test]
fn random_chunks_are_rejected_or_answered_as_by_http_server() {
    let (server, reference) = (Server::start(options()), Server::http_server());
    let exchange = |server: &Server, body: &[u8]| {
        let mut client = server.connect();
        client.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        client.send([body, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"].concat());
        client.finish();
        let text = client.rest();
        text.lines().filter(|line| !line.starts_with("date: ")).collect::<Vec<_>>().join("\n")
    };
    let outcome = runner().run(&mutated(), |body| {
        let (answer, expected) = (exchange(&server, &body), exchange(&reference, &body));
        // Only a malformed trailer, behind the last chunk, is accepted by `HttpServer` alone.
        let is_stricter = String::from_utf8_lossy(&body).contains("\r\n0") || body.starts_with(b"0");
        let is_malformed = expected.starts_with("HTTP/1.1 400 ") || is_stricter;
        if answer == expected || (answer == MALFORMED && is_malformed) {
            Ok(())
        } else {
            let text = String::from_utf8_lossy(&body).into_owned();
            Err(TestCaseError::fail(format!("{text:?}: {answer:?} instead of {expected:?}")))
        }
    });
    assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
}
