//! Reads server-sent events.

use reqwest::{Response, StatusCode};
use serde_json::Value;

/// The events of a streamed response.
pub(crate) struct Events {
    response: Response,
    text: String,
}

impl Events {
    /// Sends the request. Fails unless the response is a stream of events.
    pub(crate) async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self { response, text: String::new() }
    }

    /// Reads the name and the data of the next event. Returns `None` at the regular end of the
    /// stream.
    pub(crate) async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let lines: Vec<_> = event.lines().map(str::to_owned).collect();
                self.text = rest.to_owned();
                // Skips a comment. The service sends one to keep the connection open.
                if lines.iter().all(|line| line.starts_with(':')) {
                    continue;
                }
                let [name, data] = &lines[..] else { panic!("{lines:?}") };
                let name = name.strip_prefix("event: ").unwrap().to_owned();
                return Some((name, serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap()));
            }
            match self.response.chunk().await.unwrap() {
                Some(chunk) => self.text.push_str(std::str::from_utf8(&chunk).unwrap()),
                None => {
                    assert_eq!(self.text, "", "half an event");
                    return None;
                }
            }
        }
    }

    /// Reads the events up to the end of the stream.
    pub(crate) async fn all(mut self) -> Vec<(String, Value)> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}
