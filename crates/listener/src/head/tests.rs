use super::{Head, announced_length};
use crate::reads;

/// Returns the length of the head at the start of these bytes, for reads of `size` bytes.
fn end_in_reads_of(size: usize, bytes: &[u8]) -> Option<usize> {
    let mut state = Head::Start;
    reads::end_in_reads_of(size, bytes, |read| state.advance(read))
}

#[test]
fn advance_finds_the_empty_line() {
    for head in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "GET / HTTP/1.1\nHost: a\r\n\n",
        "GET / HTTP/1.0\r\n\r\n",
        "\r\nGET / HTTP/1.0\r\n\r\n",
        "\n\r\n\n\r\n\r\nGET / HTTP/1.0\n\n",
        "rubbish\n\n",
    ] {
        for behind in ["", "\r\n\r\n", "body\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"] {
            let bytes = format!("{head}{behind}");
            for size in 1..=bytes.len() {
                let end = end_in_reads_of(size, bytes.as_bytes());
                assert_eq!(end, Some(head.len()), "{bytes:?} in reads of {size}");
            }
        }
    }
}

#[test]
fn advance_finds_no_end_in_a_part_of_a_head() {
    let head = b"\r\nGET / HTTP/1.1\r\nHost: a\r\nX: \r\r\n\r\n";
    for length in 0..head.len() {
        for size in 1..=length.max(1) {
            assert_eq!(end_in_reads_of(size, &head[..length]), None, "{length} bytes in reads of {size}");
        }
    }
}

#[test]
fn announced_length_reads_a_lone_content_length() {
    for (fields, length) in [
        ("", 0),
        ("Content-Length: 5\r\n", 5),
        ("content-length:5\r\n", 5),
        ("CONTENT-LENGTH: \t 5 \r\n", 5),
        ("Content-Length: 5\n", 5),
        ("Content-Type: text/plain\r\nContent-Length: 5\r\nConnection: close\r\n", 5),
        ("Content-Length: 18446744073709551615\r\n", u64::MAX),
        ("Content-Length: 18446744073709551616\r\n", 0),
        ("Content-Length: five\r\n", 0),
        ("Content-Length: \r\n", 0),
        ("Content-Length : 5\r\n", 0),
        ("Content-Length: 5\r\nContent-Length: 5\r\n", 0),
        ("Content-Length: x\r\nContent-Length: 5\r\n", 0),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 0),
        ("transfer-encoding: chunked\r\nContent-Length: 5\r\n", 0),
        ("Content-Length: 5\r\nUpgrade: websocket\r\n", 0),
        ("X-Content-Length: 5\r\n", 0),
        ("X: Content-Length: 5\r\n", 0),
        ("Content-Length: 5\u{e4}\r\n", 0),
    ] {
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        assert_eq!(announced_length(head.as_bytes()), length, "{fields:?}");
    }
}
