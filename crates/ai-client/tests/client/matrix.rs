//! Each fault with `create` and with `stream`: the error, and the number of requests.
//!
//! The README contains the same table.

use std::time::Duration;

use daybook_ai_client::{Error, Event, Request};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::{RawServer, builder, completed};

/// The fault, the error and the number of requests of `create`, and both of `stream`. `Ok` means
/// that there is no error.
const MATRIX: [(&str, &str, usize, &str, usize); 19] = [
    ("none", "Ok", 1, "Ok", 1),
    ("one byte at a time", "Ok", 1, "Ok", 1),
    ("stall before the head", "Timeout", 1, "Timeout", 1),
    ("stall in the body", "Timeout", 1, "Timeout", 1),
    ("half an event", "Malformed", 1, "Transport", 1),
    ("bad JSON", "Malformed", 1, "Malformed", 1),
    ("429", "RateLimited", 3, "RateLimited", 3),
    ("429, retry after a second", "RateLimited", 3, "RateLimited", 3),
    ("429, retry after an hour", "RateLimited", 1, "RateLimited", 1),
    ("429, quota", "QuotaExceeded", 1, "QuotaExceeded", 1),
    ("500", "Unavailable", 3, "Unavailable", 3),
    ("reset", "Transport", 1, "Transport", 1),
    ("truncated", "Transport", 1, "Transport", 1),
    ("incomplete", "Incomplete", 1, "Incomplete", 1),
    ("failed", "Failed", 1, "Failed", 1),
    ("an error event", "Failed", 1, "Failed", 1),
    ("refusal", "Refused", 1, "Refused", 1),
    ("10 MB in one line", "TooLarge", 1, "TooLarge", 1),
    ("redirect", "Redirected", 1, "Redirected", 1),
];

const OK: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\n";

fn event(kind: &str, fields: &Value) -> String {
    let mut data = fields.clone();
    data["type"] = kind.into();
    format!("event: {kind}\ndata: {data}\n\n")
}

fn delta(text: &str) -> String {
    event("response.output_text.delta", &json!({ "delta": text, "item_id": "msg_1", "output_index": 0 }))
}

fn in_state(status: &str) -> Value {
    let mut response = completed("Milk and bread.");
    response["status"] = status.into();
    response
}

fn rejection(status: &str, headers: &str, code: &str) -> String {
    let body = json!({ "error": { "code": code, "message": "no" } }).to_string();
    format!("HTTP/1.1 {status}\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

/// Returns the body of the response. `respond` adds the faults of the connection.
fn body(fault: &str, streamed: bool) -> String {
    let (status, fields) = match fault {
        "incomplete" => ("incomplete", json!({ "incomplete_details": { "reason": "max_output_tokens" } })),
        "failed" | "an error event" => {
            ("failed", json!({ "error": { "code": "server_error", "message": "no" } }))
        }
        "refusal" => {
            let refusal = json!([{ "type": "message", "content": [{ "type": "refusal", "refusal": "no" }] }]);
            ("completed", json!({ "output": refusal }))
        }
        _ => ("completed", json!({})),
    };
    let mut response = in_state(status);
    for (name, value) in fields.as_object().unwrap() {
        response[name] = value.clone();
    }
    if !streamed {
        return response.to_string();
    }
    let created =
        event("response.created", &json!({ "response": { "status": "in_progress", "output": [] } }));
    let last = match fault {
        "an error event" => {
            event("error", &json!({ "code": "server_error", "message": "no", "param": null }))
        }
        _ => event(&format!("response.{status}"), &json!({ "response": response })),
    };
    format!("{created}: ping\n\n{}{}{last}", delta("Milk "), delta("and bread."))
}

/// Responds to one request with the fault.
async fn respond(fault: &'static str, streamed: bool, mut connection: TcpStream) {
    let kind = if streamed { "text/event-stream" } else { "application/json" };
    let head = format!("{OK}content-type: {kind}\r\n");
    let whole = body(fault, streamed);
    let text = match fault {
        "429" => rejection("429 Too Many Requests", "", "rate_limit_exceeded"),
        "429, retry after a second" => {
            rejection("429 Too Many Requests", "retry-after: 1\r\n", "rate_limit_exceeded")
        }
        "429, retry after an hour" => {
            rejection("429 Too Many Requests", "retry-after: 3600\r\n", "rate_limit_exceeded")
        }
        "429, quota" => rejection("429 Too Many Requests", "", "insufficient_quota"),
        "500" => rejection("500 Internal Server Error", "", "server_error"),
        "redirect" => rejection("307 Temporary Redirect", "location: http://127.0.0.1:9/\r\n", "moved"),
        "stall before the head" => String::new(),
        "stall in the body" => format!("{head}\r\n{}", &whole[..whole.len() / 2]),
        // The connection is closed normally, but the response is not complete.
        "half an event" => format!("{head}\r\n{}", &whole[..whole.len() - 2]),
        // The connection is closed before the end of the content length.
        "truncated" => format!("{head}content-length: {}\r\n\r\n{whole}", whole.len() + 1)
            .replace("response.completed", "response.unheard_of"),
        "bad JSON" => format!("{head}\r\n{}", whole.replace("{\"", "{'")),
        "reset" => format!("{head}\r\n{}", &whole[..whole.len() / 2]),
        "10 MB in one line" => {
            format!("{head}\r\n{}{}", if streamed { "data: " } else { "\"" }, "x".repeat(10_000_000))
        }
        _ => format!("{head}\r\n{whole}"),
    };
    if fault == "one byte at a time" {
        connection.set_nodelay(true).unwrap();
        for byte in text.as_bytes() {
            connection.write_all(&[*byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
        return;
    }
    // The client closes the connection early if it rejects the response.
    let _ = connection.write_all(text.as_bytes()).await;
    match fault {
        // The kernel delivers the text before the reset.
        "reset" => connection.set_zero_linger().unwrap(),
        "stall before the head" | "stall in the body" => std::future::pending::<()>().await,
        _ => {}
    }
}

fn name(outcome: &Result<String, Error>) -> String {
    match outcome {
        Ok(_) => "Ok".to_owned(),
        Err(error) => format!("{error:?}").split([' ', '{']).next().unwrap().to_owned(),
    }
}

async fn ask(server: &RawServer, fault: &str, streamed: bool) -> Result<String, Error> {
    let mut builder = builder(&server.base);
    // The other faults must not depend on the speed of the machine.
    if fault.starts_with("stall") {
        builder = builder.timeout(Duration::from_millis(1_500));
    }
    let client = builder.build().unwrap();
    let request = Request::new("m", "a note");
    if !streamed {
        return Ok(client.create(&request).await?.output_text());
    }
    let mut stream = client.stream(&request).await?;
    let mut text = String::new();
    while let Some(event) = stream.next().await {
        match event? {
            Event::TextDelta(delta) => text.push_str(&delta),
            Event::Completed(response) => {
                assert_eq!(response.output_text(), text);
                assert!(stream.next().await.is_none(), "an event follows the last one");
                return Ok(text);
            }
            other => panic!("{other:?}"),
        }
    }
    panic!("the stream has no last event");
}

#[tokio::test]
async fn each_fault_returns_its_error_and_is_retried_or_not() {
    let cells = MATRIX.iter().flat_map(|row| {
        let (fault, error, requests, streamed_error, streamed_requests) = *row;
        [(fault, false, error, requests), (fault, true, streamed_error, streamed_requests)]
    });
    let checks = cells.map(async |(fault, streamed, error, requests)| {
        let server = RawServer::start(move |connection| respond(fault, streamed, connection)).await;
        let outcome = ask(&server, fault, streamed).await;
        let cell = format!("{fault}, {}", if streamed { "streamed" } else { "in one piece" });
        assert_eq!((name(&outcome).as_str(), server.requests()), (error, requests), "{cell}: {outcome:?}");
        if let Ok(text) = outcome {
            assert_eq!(text, "Milk and bread.", "{cell}");
        }
    });
    futures_util::future::join_all(checks).await;
}

#[test]
fn readme_contains_the_matrix() {
    let readme = include_str!("../../README.md");
    for (fault, error, requests, streamed_error, streamed_requests) in MATRIX {
        let row = format!("| {fault} | {error} | {requests} | {streamed_error} | {streamed_requests} |");
        assert!(readme.lines().any(|line| line.replace('`', "") == row), "the README lacks: {row}");
    }
}
