//! The log of the client.
//!
//! This is a separate test binary, because `tracing` caches for the whole process which log events
//! have a subscriber. Tests without a subscriber could turn off the events of this one.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use daybook_ai_client::{ApiKey, Client, Request};
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

const KEY: &str = "sk-canary-5f0c1e7a";

/// Collects the log of this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().map_err(|_| io::ErrorKind::Other)?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn create_logs_neither_the_key_nor_the_input_nor_the_response() {
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let content = json!([{ "type": "output_text", "text": "private answer" }]);
    for template in [
        ResponseTemplate::new(200).set_body_json(json!({
            "status": "completed",
            "output": [{ "type": "message", "content": content }],
        })),
        ResponseTemplate::new(400).set_body_json(json!({ "error": { "message": "no private note" } })),
        ResponseTemplate::new(500).set_body_json(json!({ "error": { "message": format!("{KEY} broke") } })),
    ] {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(template).mount(&server).await;
        let client = Client::builder(ApiKey::new(KEY).unwrap())
            .base_url(server.uri().parse().unwrap())
            .backoff(Duration::ZERO, Duration::ZERO)
            .build()
            .unwrap();
        let _ = client.create(&Request::new("m", "private note")).await;
    }

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(!text.contains("canary"), "the key is logged: {text}");
    assert!(!text.contains("private"), "a text is logged: {text}");
    for event in ["answered", "trying again", "not answered"] {
        assert!(text.contains(event), "{event} is not logged: {text}");
    }
}
