//! Streams: their events, their errors and their limits.

use std::time::{Duration, Instant};

use daybook_ai_client::{Error, Event, Request, ResponseStream};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use wiremock::ResponseTemplate;

use crate::support::{RawServer, builder, completed, ok, server};

const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-request-id: req_1\r\nconnection: close\r\n\r\n";

fn delta(text: &str) -> String {
    let data = json!({ "type": "response.output_text.delta", "delta": text });
    format!("event: response.output_text.delta\r\ndata: {data}\r\n\r\n")
}

fn end(response: &serde_json::Value) -> String {
    format!("data: {}\n\n", json!({ "type": "response.completed", "response": response }))
}

async fn open(base: &str) -> Result<ResponseStream, Error> {
    builder(base).build().unwrap().stream(&Request::new("m", "a note")).await
}

async fn collect(stream: &mut ResponseStream) -> Vec<Result<Event, Error>> {
    let mut events = Vec::new();
    while let Some(event) = stream.next().await {
        events.push(event);
    }
    events
}

/// Starts a server that responds to each request with a stream of `text`.
async fn server_of(text: String) -> RawServer {
    RawServer::start(move |mut connection: TcpStream| {
        let text = format!("{HEAD}{text}");
        async move { connection.write_all(text.as_bytes()).await.unwrap() }
    })
    .await
}

#[tokio::test]
async fn stream_sends_the_request_as_the_api_requires() {
    let server = server(ok(completed("whole")), 1).await;
    let _stream = open(&server.uri()).await.unwrap();
    let request = &server.received_requests().await.unwrap()[0];
    assert_eq!(request.headers["accept"], "text/event-stream");
    let body: serde_json::Value = request.body_json().unwrap();
    assert_eq!(body, json!({ "model": "m", "input": "a note", "store": false, "stream": true }));
}

#[tokio::test]
async fn stream_returns_deltas_and_then_the_complete_response() {
    let mut whole = completed("ä🎂");
    whole["usage"] = json!({ "input_tokens": 3, "output_tokens": 2 });
    let late = delta("late") + "data: {\n\n";
    let server = server_of(delta("ä") + &delta("🎂") + &end(&whole) + &late).await;
    let events = collect(&mut open(&server.base).await.unwrap()).await;
    let [Ok(first), Ok(second), Ok(Event::Completed(response))] = &events[..] else { panic!("{events:?}") };
    assert_eq!((first, second), (&Event::TextDelta("ä".into()), &Event::TextDelta("🎂".into())));
    assert_eq!((response.output_text().as_str(), response.usage.unwrap().input_tokens), ("ä🎂", 3));
    assert_eq!(response.request_id.as_deref(), Some("req_1"));
}

#[tokio::test]
async fn stream_adds_the_deltas_to_a_terminal_event_without_text() {
    let server =
        server_of(delta("Milk ") + &delta("and bread.") + &end(&json!({ "status": "completed" }))).await;
    let events = collect(&mut open(&server.base).await.unwrap()).await;
    let Some(Ok(Event::Completed(response))) = events.last() else { panic!("{events:?}") };
    assert_eq!(response.output_text(), "Milk and bread.");
}

#[tokio::test]
async fn stream_returns_one_delta_if_the_server_does_not_stream() {
    let server = server(ok(completed("whole")), 1).await;
    let events = collect(&mut open(&server.uri()).await.unwrap()).await;
    let [Ok(Event::TextDelta(text)), Ok(Event::Completed(_))] = &events[..] else { panic!("{events:?}") };
    assert_eq!(text, "whole");
}

#[tokio::test]
async fn stream_is_not_retried_after_the_first_event() {
    // Both errors would be retried before the stream begins.
    for failure in ["server_error", "rate_limit_exceeded"] {
        let error = json!({ "type": "error", "code": failure, "message": "no" });
        let server = server_of(delta("Milk") + &format!("event: error\ndata: {error}\n\n")).await;
        let events = collect(&mut open(&server.base).await.unwrap()).await;
        let [
            Ok(Event::TextDelta(_)),
            Err(Error::Failed { code, request_id, .. } | Error::RateLimited { code, request_id, .. }),
        ] = &events[..]
        else {
            panic!("{events:?}")
        };
        assert_eq!((code.as_deref(), request_id.as_deref()), (Some(failure), Some("req_1")));
        assert_eq!(server.requests(), 1);
    }
}

#[tokio::test]
async fn stream_returns_the_events_before_an_error() {
    let server = server_of(delta("Milk ") + &delta("and") + "data: {\n\n").await;
    let events = collect(&mut open(&server.base).await.unwrap()).await;
    assert!(matches!(&events[..], [Ok(_), Ok(_), Err(Error::Malformed { .. })]), "{events:?}");
}

#[tokio::test]
async fn stream_ignores_comments_and_unknown_events() {
    let data = json!({ "type": "response.content_part.added", "part": {} });
    let other = format!("event: response.content_part.added\ndata: {data}\n\n");
    // An event with its type only in the field `event`, and the last event of Chat Completions.
    let bare = "event: response.output_text.delta\ndata: {\"delta\":\"b\"}\n\ndata: [DONE]\n\n";
    let server =
        server_of(format!("\u{feff}: hello\n\n{other}{}{bare}{}", delta("a"), end(&completed("ab")))).await;
    let events = collect(&mut open(&server.base).await.unwrap()).await;
    assert_eq!(events.len(), 3, "{events:?}");
}

#[tokio::test]
async fn stream_rejects_an_endless_body() {
    let server = RawServer::start(async |mut connection| {
        let piece = delta(&"x".repeat(1_000));
        let _ = connection.write_all(HEAD.as_bytes()).await;
        while connection.write_all(piece.as_bytes()).await.is_ok() {}
    })
    .await;
    let client = builder(&server.base).max_body(16 * 1024).build().unwrap();
    let mut stream = client.stream(&Request::new("m", "a note")).await.unwrap();
    let events = collect(&mut stream).await;
    assert!(
        matches!(events.last(), Some(Err(Error::TooLarge { limit: 262_144, .. }))),
        "{:?}",
        events.last()
    );
}

/// Starts a server that sends one event and then nothing, or only comments.
async fn stalling_server(pings: bool) -> RawServer {
    RawServer::start(move |mut connection| async move {
        connection.write_all(format!("{HEAD}{}", delta("Milk")).as_bytes()).await.unwrap();
        loop {
            tokio::time::sleep(Duration::from_millis(50)).await;
            if pings && connection.write_all(b": ping\n\n").await.is_err() {
                return;
            }
        }
    })
    .await
}

#[tokio::test]
async fn stream_times_out_when_it_stalls_and_when_it_takes_too_long() {
    const SHORT: Duration = Duration::from_millis(300);
    const LONG: Duration = Duration::from_secs(60);
    for (pings, timeout, stream_timeout) in [(false, SHORT, LONG), (false, LONG, SHORT), (true, LONG, SHORT)]
    {
        let server = stalling_server(pings).await;
        let client = builder(&server.base).timeout(timeout).stream_timeout(stream_timeout).build().unwrap();
        let mut stream = client.stream(&Request::new("m", "a note")).await.unwrap();
        let events = collect(&mut stream).await;
        assert!(matches!(&events[..], [Ok(_), Err(Error::Timeout)]), "{pings} {timeout:?}: {events:?}");
    }
    // Comments reset the timeout between two chunks.
    let server = stalling_server(true).await;
    let client =
        builder(&server.base).timeout(SHORT).total_timeout(SHORT).stream_timeout(SHORT * 3).build().unwrap();
    let mut stream = client.stream(&Request::new("m", "a note")).await.unwrap();
    let began = Instant::now();
    collect(&mut stream).await;
    assert!(began.elapsed() > SHORT * 2, "{:?}", began.elapsed());
}

#[tokio::test]
async fn dropping_a_stream_closes_the_connection() {
    let (report, mut seen) = mpsc::unbounded_channel();
    let server = RawServer::start(move |mut connection| {
        let report = report.clone();
        async move {
            connection.write_all(format!("{HEAD}{}", delta("Milk")).as_bytes()).await.unwrap();
            // Returns only when the client closes the connection.
            let _ = connection.read(&mut [0]).await;
            report.send(Instant::now()).unwrap();
        }
    })
    .await;
    let mut stream = open(&server.base).await.unwrap();
    assert!(matches!(stream.next().await, Some(Ok(Event::TextDelta(_)))));
    let dropped = Instant::now();
    drop(stream);
    let closed = tokio::time::timeout(Duration::from_secs(30), seen.recv()).await;
    assert!(closed.is_ok(), "the connection was still open after {:?}", dropped.elapsed());
}

#[tokio::test]
async fn stream_errors_contain_neither_the_key_nor_the_text() {
    let key = crate::support::KEY;
    let error = json!({ "type": "error", "code": key, "message": format!("bad key {key}") });
    let server = server_of(format!("data: {error}\n\n")).await;
    let events = collect(&mut open(&server.base).await.unwrap()).await;
    assert!(!format!("{events:?}").contains(key), "{events:?}");
    let template =
        ResponseTemplate::new(200).set_body_raw("data: {\"type\":\"secret text\n\n", "text/event-stream");
    let server = crate::support::server(template, 1).await;
    let events = collect(&mut open(&server.uri()).await.unwrap()).await;
    assert!(!format!("{events:?}").contains("secret text"), "{events:?}");
}
