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

/// Connections end within seconds, so a client need not wait longer.
const BY_NETWORK: &[u8] = b"HTTP/1.1 429 Too Many Requests\r\n\
    content-type: application/json\r\ncontent-length: 56\r\nretry-after: 5\r\nconnection: close\r\n\r\n\
    {\"detail\":\"There are too many connections from your IP\"}";
const IN_TOTAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: application/json\r\ncontent-length: 43\r\nretry-after: 5\r\nconnection: close\r\n\r\n\
    {\"detail\":\"There are too many connections\"}";

/// Sends a response and closes the connection. The client may disconnect before.
pub(crate) async fn refuse(mut io: TcpStream, full: Full) -> io::Result<()> {
    // Some clients reject a response that precedes their request.
    let _ = timeout(TIMEOUT, io.readable()).await;
    io.write_all(if full == Full::Key { BY_NETWORK } else { IN_TOTAL }).await?;
    io.shutdown().await?;
    let _ = timeout(TIMEOUT, tokio::io::copy(&mut io.take(READ_MAX), &mut tokio::io::sink())).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_announce_their_length() {
        for response in [BY_NETWORK, IN_TOTAL] {
            let (head, body) = str::from_utf8(response).unwrap().split_once("\r\n\r\n").unwrap();
            assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
        }
    }
}
