//! Framing vectors of logins, each with another login behind it.
//!
//! An attack would let the attacker read the tokens of the second login, or make its password a
//! part of the first request.

use super::Outcome::{self, Rejected, Served};
use super::exchange;
use super::vectors::MALFORMED_BODY;
use crate::harness::{Kind, PASSWORD, Server};

/// Name, RFC and section, fields, body, and outcome. The placeholders are as in `vectors.rs`.
type Row = (&'static str, &'static str, &'static str, &'static str, Outcome);

const CHUNKED: &str = "Transfer-Encoding: chunked";

static LOGINS: [Row; 16] = [
    ("one length", "9112 6.2", "Content-Length: «length»", "«form»", Served(&[200, 200])),
    ("chunked", "9112 6.1", CHUNKED, "«size»\r\n«form»\r\n0\r\n\r\n", Served(&[200, 200])),
    (
        "chunked end within the length",
        "9112 6.1",
        "Content-Length: «inner length»\r\nTransfer-Encoding: chunked",
        "0\r\n\r\n«inner»",
        Rejected(400),
    ),
    (
        "length that ends within the chunk",
        "9112 6.1",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "«inner size»\r\n«inner»\r\n0\r\n\r\n",
        Rejected(400),
    ),
    (
        "different lengths",
        "9112 6.3",
        "Content-Length: 0\r\nContent-Length: «inner length»",
        "«inner»",
        Rejected(400),
    ),
    ("length of 2^64", "9110 8.6", "Content-Length: 18446744073709551616", "«inner»", Rejected(400)),
    (
        "length and xchunked",
        "9112 6.3",
        "Content-Length: 5\r\nTransfer-Encoding: xchunked",
        "0\r\n\r\n«inner»",
        Rejected(400),
    ),
    (
        "length and chunked before a space",
        "9112 5.1",
        "Content-Length: 5\r\nTransfer-Encoding : chunked",
        "0\r\n\r\n«inner»",
        Rejected(400),
    ),
    (
        "length and folded chunked",
        "9112 5.2",
        "Content-Length: 5\r\nTransfer-Encoding:\r\n chunked",
        "0\r\n\r\n«inner»",
        Rejected(400),
    ),
    (
        "length and chunked behind a bare line feed",
        "9112 2.2",
        "Content-Length: 5\r\nX: a\nTransfer-Encoding: chunked",
        "0\r\n\r\n«inner»",
        Rejected(400),
    ),
    (
        "length and upgrade to websocket",
        "9110 7.8",
        "Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: «length»",
        "«form»",
        Rejected(400),
    ),
    ("two Hosts", "9112 3.2", "Host: b\r\nContent-Length: «length»", "«form»", Rejected(400)),
    (
        "chunk extension with a line feed",
        "9112 7.1.1",
        CHUNKED,
        "«size»;a\n0\r\n«form»\r\n0\r\n\r\n",
        MALFORMED_BODY,
    ),
    ("chunk size of 2^64", "9112 7.1", CHUNKED, "10000000000000000\r\n\r\n«inner»", MALFORMED_BODY),
    ("data before a bare line feed", "9112 7.1", CHUNKED, "«size»\r\n«form»\n0\r\n\r\n", MALFORMED_BODY),
    ("login as a form", "9112 6.2", "Content-Length: «inner length»", "«inner»", Served(&[422, 200])),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn framing_vectors_of_a_login_have_their_outcomes() {
    let server = Server::on(Kind::Sqlite).await;
    server.register("ada").await;
    let form = format!("username=ada&password={PASSWORD}");
    let request = |fields: &str, body: &str| {
        format!(
            "POST /auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             {fields}\r\n\r\n{body}"
        )
    };
    let inner = request("Content-Length: «length»", "«form»").replace("«length»", &form.len().to_string());
    let inner = inner.replace("«form»", &form);
    let behind = request("Connection: close\r\nContent-Length: «length»", "«form»");
    let (mut differences, mut logins) = (Vec::new(), 0);
    for (name, section, fields, body, outcome) in &LOGINS {
        let bytes = [
            ("«form»", form.as_str()),
            ("«length»", &form.len().to_string()),
            ("«size»", &format!("{:x}", form.len())),
            ("«inner»", &inner),
            ("«inner length»", &inner.len().to_string()),
            ("«inner size»", &format!("{:x}", inner.len())),
        ]
        .iter()
        .fold([request(fields, body), behind.clone()].concat(), |bytes, (placeholder, value)| {
            bytes.replace(placeholder, value)
        });
        let text = exchange(&server, &bytes).await;
        let expected = match outcome {
            Served(statuses) => statuses.iter().filter(|status| **status == 200).count(),
            _ => 0,
        };
        logins += expected;
        let found = text.matches("\"access_token\"").count();
        let difference = outcome.difference(&text);
        differences.extend(difference.map(|text| format!("{name} (RFC {section}): {text}")));
        if found != expected {
            differences.push(format!("{name} (RFC {section}): {found} access tokens, not {expected}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert_eq!(server.query("SELECT count(*) FROM sessions"), logins.to_string());
}
