//! Refuses connections with a response.

use std::io;
use std::time::Duration;

use daybook_throttle::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long the client may take to send its request, and again to read the response.
const TIMEOUT: Duration = Duration::from_millis(500);

/// At most this number of bytes is read from a refused connection. If the system had unread bytes,
/// it would reset the connection, and the client could lose the response.
const READ_MAX: u64 = 64 * 1024;

/// In seconds. Some connection usually ends within this time, and refusing a retry costs little.
const RETRY_AFTER: u8 = 5;

/// Returns the response to a client that would exceed this limit.
fn response(full: Full) -> String {
    // The limit of a network or a site is a quota, which the client can know
    // (draft-ietf-httpapi-ratelimit-headers-10, sections 3 and 4).
    let (status, policy, detail) = match full {
        Full::Key(limit) => (
            "429 Too Many Requests",
            format!(
                "ratelimit-policy: \"connections\";q={limit};qu=\"concurrent-requests\"\r\n\
                 ratelimit: \"connections\";r=0;t={RETRY_AFTER}\r\n"
            ),
            "There are too many connections from your IP",
        ),
        _ => ("503 Service Unavailable", String::new(), "There are too many connections"),
    };
    let body = format!("{{\"detail\":\"{detail}\"}}");
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         retry-after: {RETRY_AFTER}\r\n{policy}connection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Sends a response and closes the connection. The client may disconnect before.
pub(crate) async fn refuse(mut io: TcpStream, full: Full) -> io::Result<()> {
    // Some clients reject a response that precedes their request.
    let _ = timeout(TIMEOUT, io.readable()).await;
    io.write_all(response(full).as_bytes()).await?;
    io.shutdown().await?;
    let _ = timeout(TIMEOUT, tokio::io::copy(&mut io.take(READ_MAX), &mut tokio::io::sink())).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn response_names_the_limit_of_the_network_and_its_own_length() {
        for (full, expected) in [
            (Full::Key(7), "ratelimit-policy: \"connections\";q=7;qu=\"concurrent-requests\"\r\nratelimit: "),
            (Full::Total, "HTTP/1.1 503 Service Unavailable\r\n"),
        ] {
            let response = response(full);
            let (head, body) = response.split_once("\r\n\r\n").unwrap();
            assert!(head.contains(expected), "{head}");
            assert_eq!(head.contains("ratelimit"), full == Full::Key(7), "{head}");
            assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
        }
    }
}
