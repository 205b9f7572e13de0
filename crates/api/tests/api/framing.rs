//! Requests whose end is ambiguous, each with a second request behind it (RFC 9112, section 11.2).
//!
//! A proxy in front of the service may find another end of such a request. An attacker could then
//! hide a request in a body, or get the response of another user. The second request therefore must
//! not be executed unless the end of the first one is certain.

mod login;
mod vectors;

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Kind, Server};
use vectors::{Vector, vectors};

/// What the service does with a vector and the request behind it.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    /// The only response has this status and `Connection: close`. Nothing is executed, and the
    /// connection is closed.
    Rejected(u16),
    /// The responses have exactly these statuses. Then the connection is closed.
    Served(&'static [u16]),
}

impl Outcome {
    /// Returns the difference between this outcome and the bytes that the service has sent.
    fn difference(self, text: &str) -> Option<String> {
        let found: Vec<u16> = text
            .match_indices("HTTP/1.")
            .filter_map(|(at, _)| text.get(at + 9..at + 12)?.parse().ok())
            .collect();
        let is_expected = match self {
            Self::Rejected(status) => found == [status] && text.contains("\r\nconnection: close\r\n"),
            Self::Served(statuses) => found == statuses,
        };
        (!is_expected).then(|| format!("{self:?} is expected, and the statuses are {found:?}: {text:?}"))
    }

    /// Returns which notes are created: that of the vector, and that of the request behind it.
    fn notes(self) -> [bool; 2] {
        let Self::Served(statuses) = self else { return [false; 2] };
        let mut statuses = statuses.iter().filter(|status| **status != 100);
        [(); 2].map(|()| statuses.next() == Some(&201))
    }
}

/// Sends these bytes in one write and reads until the service closes the connection.
async fn exchange(server: &Server, bytes: &str) -> String {
    let exchange = async {
        let mut socket = TcpStream::connect(server.address()).await.unwrap();
        // The service may respond and close the connection before it has read everything.
        let _ = socket.write_all(bytes.as_bytes()).await;
        let (mut text, mut buffer) = (Vec::new(), [0; 4096]);
        while let Ok(length @ 1..) = socket.read(&mut buffer).await {
            text.extend_from_slice(&buffer[..length]);
        }
        String::from_utf8(text).unwrap()
    };
    let text = tokio::time::timeout(Duration::from_secs(30), exchange).await;
    text.unwrap_or_else(|_| panic!("the connection stays open: {bytes:?}"))
}

impl Vector {
    /// Returns the title of the note of the vector (`first`), of the request in its body (`inner`)
    /// or of the request behind it (`behind`).
    fn title(&self, which: &str) -> String {
        format!("{}: {which}", self.name)
    }

    /// Returns the request and the one behind it.
    fn bytes(&self, token: &str) -> String {
        let caller = format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
        let body = |which: &str| format!(r#"{{"title":"{}","content":"c"}}"#, self.title(which));
        let request = |body: &str, fields: &str| {
            format!(
                "POST /notes HTTP/1.1\r\nHost: a\r\n{caller}{fields}Content-Length: {}\r\n\r\n{body}",
                body.len()
            )
        };
        let (note, inner) = (body("first"), request(&body("inner"), ""));
        let fields: String = (0..96).map(|number| format!("X-{number}: a\r\n")).collect();
        let vector = [
            ("«caller»", caller.as_str()),
            ("«chunks»", "«size»\r\n«note»\r\n0\r\n\r\n"),
            ("«note»", &note),
            ("«length»", &note.len().to_string()),
            ("«size»", &format!("{:x}", note.len())),
            ("«SIZE»", &format!("{:X}", note.len())),
            ("«inner»", &inner),
            ("«inner length»", &inner.len().to_string()),
            ("«inner size»", &format!("{:x}", inner.len())),
            ("«long»", &"a".repeat(400_000)),
            ("«many»", &fields),
        ]
        .iter()
        .fold(self.request.clone(), |request, (placeholder, value)| request.replace(placeholder, value));
        assert!(!vector.contains('«'), "{}: {vector:?}", self.name);
        [vector, request(&body("behind"), "Connection: close\r\n")].concat()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn framing_vectors_have_their_outcomes() {
    let server = Server::on(Kind::Sqlite).await;
    let token = server.user("ada").await;
    let vectors = vectors();
    let names: BTreeSet<_> = vectors.iter().map(|vector| vector.name).collect();
    assert_eq!(names.len(), vectors.len(), "names are unique");
    let mut differences = Vec::new();
    for vector in &vectors {
        let text = exchange(&server, &vector.bytes(&token)).await;
        let difference = vector.outcome.difference(&text);
        differences
            .extend(difference.map(|text| format!("{} (RFC {}): {text}", vector.name, vector.section)));
    }
    let titles = server.query("SELECT json_group_array(title) FROM notes");
    let titles: Vec<String> = serde_json::from_str(&titles).unwrap();
    for vector in &vectors {
        let [first, behind] = vector.outcome.notes().map(usize::from);
        for (which, expected) in [("first", first), ("inner", 0), ("behind", behind)] {
            let found = titles.iter().filter(|title| **title == vector.title(which)).count();
            if found != expected {
                differences.push(format!("{} (RFC {}): {found} notes {which}", vector.name, vector.section));
            }
        }
    }
    assert!(differences.is_empty(), "of {} vectors:\n{}", vectors.len(), differences.join("\n"));
}
