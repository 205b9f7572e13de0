//! A response of the service.

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

/// A response with its whole body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// Sends the request and reads the response.
    pub(crate) async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.expect("a response");
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.expect("a whole body");
        Self { status: status.as_u16(), headers, text }
    }

    /// Parses a response from the bytes of the connection.
    pub(crate) fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("not a response: {text:?}"));
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("a status");
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(": ").expect("a header");
            (name.parse().expect("a name"), value.parse().expect("a value"))
        });
        let headers: HeaderMap = headers.collect::<Vec<(HeaderName, HeaderValue)>>().into_iter().collect();
        Self { status, headers, text: body.to_owned() }
    }

    /// Parses the body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Fails unless the response has this status. Returns the response.
    #[track_caller]
    pub(crate) fn expect(self, status: StatusCode) -> Self {
        assert_eq!(self.status, status.as_u16(), "{self:?}");
        self
    }

    /// Fails unless the response has this status and exactly the body `{"detail": sentence}`.
    #[track_caller]
    pub(crate) fn expect_detail(self, status: StatusCode, sentence: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.json(), serde_json::json!({ "detail": sentence }));
        answer
    }

    /// Returns the value of a header, or an empty text if it is absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a text"))
    }

    /// Returns the problems of a 422, each as (type, location, message).
    pub(crate) fn issues(&self) -> Vec<(String, String, String)> {
        assert_eq!(self.status, 422, "{self:?}");
        let json = self.json();
        let issues = json["detail"].as_array().expect("a list").iter();
        let location = |loc: &Value| {
            let steps = loc.as_array().expect("a location").iter();
            steps
                .map(|step| step.as_str().map_or_else(|| step.to_string(), ToOwned::to_owned))
                .collect::<Vec<_>>()
                .join(".")
        };
        issues
            .map(|issue| {
                let text = |name: &str| issue[name].as_str().expect("a text").to_owned();
                (text("type"), location(&issue["loc"]), text("msg"))
            })
            .collect()
    }
}
