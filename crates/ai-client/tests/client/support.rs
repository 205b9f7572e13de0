//! A client and servers for the tests.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use daybook_ai_client::{ApiKey, Client, ClientBuilder, Error, Request, Response};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Respond, ResponseTemplate};

/// A key that occurs nowhere else, so any occurrence of it is a leak.
pub(crate) const KEY: &str = "sk-canary-5f0c1e7a";

/// Returns a builder of a client that retries twice and has no backoff.
pub(crate) fn builder(base: &str) -> ClientBuilder {
    Client::builder(ApiKey::new(KEY).unwrap())
        .base_url(format!("{base}/v1").parse().unwrap())
        .backoff(Duration::ZERO, Duration::ZERO)
}

/// Sends one request with `create`.
pub(crate) async fn ask(base: &str) -> Result<Response, Error> {
    builder(base).build().unwrap().create(&Request::new("m", "a note")).await
}

/// Starts a server that responds to `POST /v1/responses` and expects this number of requests.
pub(crate) async fn server(response: impl Respond + 'static, requests: u64) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v1/responses"))
        .respond_with(response)
        .expect(requests)
        .mount(&server)
        .await;
    server
}

pub(crate) fn status(status: u16) -> ResponseTemplate {
    ResponseTemplate::new(status)
}

/// Returns an error in the format of OpenAI.
pub(crate) fn rejection(code: u16, kind: &str, message: &str) -> ResponseTemplate {
    status(code)
        .insert_header("x-request-id", "req_1")
        .set_body_json(json!({ "error": { "message": message, "type": "t", "param": null, "code": kind } }))
}

/// Returns a response with status 200 and a request id.
pub(crate) fn ok(body: Value) -> ResponseTemplate {
    status(200).insert_header("x-request-id", "req_1").set_body_json(body)
}

/// Returns the smallest complete response.
pub(crate) fn completed(text: &str) -> Value {
    json!({
        "status": "completed",
        "output": [{ "type": "message", "content": [{ "type": "output_text", "text": text }] }],
    })
}

/// A server on a TCP socket that counts requests. After each request it passes the connection to
/// `respond`.
pub(crate) struct RawServer {
    pub(crate) base: String,
    pub(crate) requests: Arc<AtomicUsize>,
}

impl RawServer {
    pub(crate) async fn start<F>(respond: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                read_request(&mut connection).await;
                counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(respond(connection));
            }
        });
        Self { base, requests }
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// Reads the whole request, so that a later close sends a FIN and not a reset.
async fn read_request(connection: &mut TcpStream) {
    let mut request = Vec::new();
    let mut missing = usize::MAX;
    while request.len() < missing {
        if connection.read_buf(&mut request).await.unwrap() == 0 {
            return;
        }
        if let Some(end) = request.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
            let (_, length) = head.split_once("content-length: ").unwrap();
            missing = end + 4 + length.lines().next().unwrap().parse::<usize>().unwrap();
        }
    }
}
