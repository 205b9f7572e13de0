//! A note, a model, and the responses of a provider.

use std::future::pending;
use std::time::Duration;

use daybook_ai_client::{ApiKey, Client};
use daybook_domain::{Content, Note, NoteId, SummaryOptions, Timestamp, Title};
use daybook_summarizer::{Model, Outcome, Summarizer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Respond, ResponseTemplate};

pub(crate) fn note(content: &str) -> Note {
    let (title, content) = (Title::parse("Groceries").unwrap(), Content::parse(content).unwrap());
    Note::new(NoteId(1), title, content, Timestamp::EPOCH)
}

/// Returns a model of the provider at `base`. Its client retries twice and has no backoff.
pub(crate) fn model(base: &str) -> Model {
    let client = Client::builder(ApiKey::new("key").unwrap())
        .base_url(format!("{base}/v1").parse().unwrap())
        .backoff(Duration::ZERO, Duration::ZERO)
        .build()
        .unwrap();
    Model::new(client, "gpt-5-nano")
}

/// Runs a plan to its end and returns the pieces of text with the outcome.
pub(crate) async fn run(summarizer: &Summarizer, note: &Note) -> (Vec<String>, Outcome) {
    let mut pieces = Vec::new();
    let plan = summarizer.plan(note, SummaryOptions::default());
    let outcome = plan.run(|text| pieces.push(text.to_owned()), pending()).await;
    (pieces, outcome)
}

/// Starts a provider that sends this response to every request.
pub(crate) async fn provider(response: impl Respond + 'static) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST")).and(path("/v1/responses")).respond_with(response).mount(&server).await;
    server
}

/// Returns the bodies of all requests.
pub(crate) async fn requests(provider: &MockServer) -> Vec<Value> {
    let requests = provider.received_requests().await.unwrap();
    requests.iter().map(|request| request.body_json().unwrap()).collect()
}

/// Returns a complete response with this text. Its usage is 96 input and 14 output tokens.
pub(crate) fn completed(text: &str) -> Value {
    json!({
        "id": "resp_1",
        "status": "completed",
        "model": "gpt-5-nano-2025-08-07",
        "output": [{ "type": "message", "content": [{ "type": "output_text", "text": text }] }],
        "usage": { "input_tokens": 96, "output_tokens": 14, "total_tokens": 110 },
    })
}

pub(crate) fn whole(body: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

/// Returns a stream of these pieces that ends with `response`.
pub(crate) fn stream(pieces: &[&str], response: &Value) -> ResponseTemplate {
    let mut body: String = pieces.iter().copied().map(delta).collect();
    let end = json!({ "type": "response.completed", "response": response });
    body.push_str(&format!("event: response.completed\ndata: {end}\n\n"));
    ResponseTemplate::new(200).set_body_raw(body, "text/event-stream")
}

fn delta(text: &str) -> String {
    let data = json!({ "type": "response.output_text.delta", "delta": text });
    format!("event: response.output_text.delta\ndata: {data}\n\n")
}

/// Starts a provider that streams one piece and then nothing more. Returns its base URL, and a
/// receiver that fails once the client has closed the connection.
pub(crate) async fn stalled(piece: &'static str) -> (String, tokio::sync::oneshot::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (open, closed) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        read_request(&mut connection).await;
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
        connection.write_all(format!("{head}{}", delta(piece)).as_bytes()).await.unwrap();
        while connection.read(&mut [0; 64]).await.is_ok_and(|length| length > 0) {}
        drop(open);
    });
    (base, closed)
}

async fn read_request(connection: &mut TcpStream) {
    let mut request = Vec::new();
    loop {
        assert!(connection.read_buf(&mut request).await.unwrap() > 0, "the request is not complete");
        let Some(head) = request.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
        if serde_json::from_slice::<Value>(&request[head + 4..]).is_ok() {
            return;
        }
    }
}
