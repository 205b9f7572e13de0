//! A mock AI provider. A test writes each byte of its responses.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::provider;

/// A mock AI provider that runs a closure of the test for each request.
pub(crate) struct ScriptedProvider {
    pub(crate) base: String,
    calls: Arc<AtomicUsize>,
}

/// A request, and the connection to respond on.
pub(crate) struct Exchange {
    /// The body of the request.
    pub(crate) request: Value,
    /// The number of the request, counted from zero.
    pub(crate) call: usize,
    connection: TcpStream,
}

impl ScriptedProvider {
    /// Listens on a free port and handles each connection in a task of its own.
    pub(crate) async fn start<F>(respond: impl Fn(Exchange) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let calls = Arc::new(AtomicUsize::new(0));
        let (count, respond) = (Arc::clone(&calls), Arc::new(respond));
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let (count, respond) = (Arc::clone(&count), Arc::clone(&respond));
                tokio::spawn(async move {
                    connection.set_nodelay(true).unwrap();
                    let Some(request) = read(&mut connection).await else { return };
                    let call = count.fetch_add(1, Ordering::SeqCst);
                    respond(Exchange { request, call, connection }).await;
                });
            }
        });
        Self { base, calls }
    }

    /// Returns the number of requests so far.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl Exchange {
    /// Writes to the connection. Returns false if the client has closed it.
    pub(crate) async fn send(&mut self, text: &str) -> bool {
        self.connection.write_all(text.as_bytes()).await.is_ok()
    }

    /// Sends the head of a streamed response.
    pub(crate) async fn begin(&mut self) {
        self.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n").await;
    }

    /// Sends a piece of the text. Returns false if the client has closed the connection.
    pub(crate) async fn delta(&mut self, text: &str) -> bool {
        let data = json!({ "type": "response.output_text.delta", "delta": text });
        self.send(&format!("event: response.output_text.delta\ndata: {data}\n\n")).await
    }

    /// Sends a terminal event: a completed response with the members of `change` replaced.
    pub(crate) async fn finish(&mut self, kind: &str, text: &str, change: &Value) {
        let mut response = provider::completed(text);
        for (name, value) in change.as_object().unwrap() {
            response[name] = value.clone();
        }
        let data = json!({ "type": kind, "response": response });
        self.send(&format!("event: {kind}\ndata: {data}\n\n")).await;
    }

    /// Sends a whole response, streamed if the request asks for that.
    pub(crate) async fn answer(&mut self, text: &str) {
        if self.request["stream"] == json!(true) {
            self.begin().await;
            self.delta(text).await;
            self.finish("response.completed", text, &json!({})).await;
        } else {
            let body = provider::completed(text).to_string();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
            self.send(&format!("{head}content-length: {}\r\n\r\n{body}", body.len())).await;
        }
    }

    /// Returns the JSON between the fences of the prompt.
    pub(crate) fn data(&self) -> Value {
        let text = self.request["input"][0]["content"][0]["text"].as_str().unwrap();
        let lines: Vec<_> = text.split('\n').collect();
        assert_eq!((lines.len(), lines[0]), (3, lines[2]), "{text}");
        serde_json::from_str(lines[1]).unwrap()
    }

    /// Returns when the client has closed the connection.
    pub(crate) async fn until_closed(&mut self) {
        while self.connection.read(&mut [0; 64]).await.is_ok_and(|length| length > 0) {}
    }

    /// Closes the connection with a TCP reset.
    pub(crate) fn reset(self) {
        self.connection.set_zero_linger().unwrap();
    }
}

/// Reads a request up to the end of its JSON body.
async fn read(connection: &mut TcpStream) -> Option<Value> {
    let mut request = Vec::new();
    loop {
        if connection.read_buf(&mut request).await.ok()? == 0 {
            return None;
        }
        let Some(head) = request.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
        if let Ok(body) = serde_json::from_slice(&request[head + 4..]) {
            return Some(body);
        }
    }
}
