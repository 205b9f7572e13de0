//! An AI provider that says exactly what a test wants, byte by byte.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::provider;

/// A provider that plays a scene for each request.
pub(crate) struct Scripted {
    pub(crate) base: String,
    calls: Arc<AtomicUsize>,
}

/// A request, and the connection that it came on.
pub(crate) struct Scene {
    pub(crate) asked: Value,
    /// Counted from zero.
    pub(crate) call: usize,
    connection: TcpStream,
}

impl Scripted {
    pub(crate) async fn start<F>(play: impl Fn(Scene) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let calls = Arc::new(AtomicUsize::new(0));
        let (count, play) = (Arc::clone(&calls), Arc::new(play));
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let (count, play) = (Arc::clone(&count), Arc::clone(&play));
                tokio::spawn(async move {
                    connection.set_nodelay(true).unwrap();
                    let Some(asked) = read(&mut connection).await else { return };
                    let call = count.fetch_add(1, Ordering::SeqCst);
                    play(Scene { asked, call, connection }).await;
                });
            }
        });
        Self { base, calls }
    }

    /// How often it was asked.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl Scene {
    /// Says something; whether anybody still listens.
    pub(crate) async fn say(&mut self, text: &str) -> bool {
        self.connection.write_all(text.as_bytes()).await.is_ok()
    }

    /// The head of an answer that comes in events.
    pub(crate) async fn begin(&mut self) {
        self.say("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n").await;
    }

    /// A piece of the text; whether anybody still listens.
    pub(crate) async fn delta(&mut self, text: &str) -> bool {
        let data = json!({ "type": "response.output_text.delta", "delta": text });
        self.say(&format!("event: response.output_text.delta\ndata: {data}\n\n")).await
    }

    /// A terminal event, with what is different from a completed answer.
    pub(crate) async fn end(&mut self, kind: &str, text: &str, change: &Value) {
        let mut response = provider::completed(text);
        for (name, value) in change.as_object().unwrap() {
            response[name] = value.clone();
        }
        let data = json!({ "type": kind, "response": response });
        self.say(&format!("event: {kind}\ndata: {data}\n\n")).await;
    }

    /// The whole of an answer, as it was asked for.
    pub(crate) async fn answer(&mut self, text: &str) {
        if self.asked["stream"] == json!(true) {
            self.begin().await;
            self.delta(text).await;
            self.end("response.completed", text, &json!({})).await;
        } else {
            let body = provider::completed(text).to_string();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
            self.say(&format!("{head}content-length: {}\r\n\r\n{body}", body.len())).await;
        }
    }

    /// The data that the request holds between its fences.
    pub(crate) fn data(&self) -> Value {
        let text = self.asked["input"][0]["content"][0]["text"].as_str().unwrap();
        let lines: Vec<_> = text.split('\n').collect();
        assert_eq!((lines.len(), lines[0]), (3, lines[2]), "{text}");
        serde_json::from_str(lines[1]).unwrap()
    }

    /// Comes back when the other side has closed the connection.
    pub(crate) async fn until_left(&mut self) {
        while self.connection.read(&mut [0; 64]).await.is_ok_and(|length| length > 0) {}
    }

    /// Breaks the connection.
    pub(crate) fn reset(self) {
        self.connection.set_zero_linger().unwrap();
    }
}

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
