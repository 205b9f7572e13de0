use super::Chunked;
use crate::reads;

/// Returns the length of the body at the start of these bytes, for reads of `size` bytes.
fn end_in_reads_of(size: usize, bytes: &[u8]) -> Option<usize> {
    let mut state = Chunked::Size;
    reads::end_in_reads_of(size, bytes, |read| state.advance(read))
}

/// The examples of `h1/chunked.rs`, and each of its branches.
#[test]
fn advance_finds_the_end_that_actix_http_finds() {
    for body in [
        "0\r\n\r\n",
        "4\r\ndata\r\n4\r\nline\r\n0\r\n\r\n",
        "4;test\r\ndata\r\n0\r\n\r\n",
        "4;name=\"a;b\"\r\ndata\r\n0;last\r\n\r\n",
        "4 \t \r\ndata\r\n0 ;x\r\n\r\n",
        "a\r\n0\r\n\r\nGET /\r\n0\r\n\r\n",
        "A\r\n\r\n\r\n\r\n\r\n\r\n\r\n0\r\n\r\n",
        "10\r\n0123456789abcdef\r\n000\r\n\r\n",
        "0\r\nDigest: x\r\n\r\n",
        "0\r\nA: 1\r\nB: 2\r\n\r\n",
        "0\r\nA:\r\nB: \t\u{e9}\r\n\r\n",
    ] {
        for behind in ["", "\r\n", "GET / HTTP/1.1\r\n\r\n", "0\r\n\r\n"] {
            let bytes = format!("{body}{behind}");
            for size in 1..=bytes.len() {
                let end = end_in_reads_of(size, bytes.as_bytes());
                assert_eq!(end, Some(body.len()), "{bytes:?} in reads of {size}");
            }
        }
    }
}

#[test]
fn advance_finds_no_end_in_a_part_of_a_body() {
    let body = b"4;x\r\ndata\r\n0\r\nA: 1\r\n\r\n";
    for length in 0..body.len() {
        for size in 1..=length.max(1) {
            assert_eq!(end_in_reads_of(size, &body[..length]), None, "{length} bytes in reads of {size}");
        }
    }
}

#[test]
fn advance_finds_no_end_behind_a_byte_that_actix_http_rejects() {
    for body in [
        "\r\n",
        "\n0\r\n\r\n",
        "g\r\n",
        "-1\r\nx\r\n0\r\n\r\n",
        "1x\r\na\r\n0\r\n\r\n",
        "1 1\r\na\r\n0\r\n\r\n",
        "1\na\r\n0\r\n\r\n",
        "1\r\r\na\r\n0\r\n\r\n",
        "1;\n\r\na\r\n0\r\n\r\n",
        "1;\x7f\r\na\r\n0\r\n\r\n",
        "1\r\nab\r\n0\r\n\r\n",
        "1\r\na\n0\r\n\r\n",
        "1\r\na\r0\r\n\r\n",
        "0\r\n\r0\r\n\r\n",
        "0\r\nA\rB\r\n\r\n",
        "10000000000000000\r\n0\r\n\r\n",
    ] {
        let mut state = Chunked::Size;
        assert_eq!(state.advance(body.as_bytes()), None, "{body:?}");
        assert_eq!(state, Chunked::Invalid, "{body:?}");
        assert_eq!(state.advance(b"0\r\n\r\n"), None, "{body:?}");
    }
}

/// actix-http accepts these trailers.
#[test]
fn advance_finds_no_end_behind_a_malformed_trailer() {
    for trailer in [
        "\n\r\n",
        "A: 1\n\r\n",
        "A: 1\nB: 2\r\n",
        "A: \0\r\n",
        "A: \x7f\r\n",
        "A\r\n",
        "A : 1\r\n",
        ": 1\r\n",
        " A: 1\r\n",
        "A: 1\r\n B: 2\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n",
    ] {
        let body = format!("1\r\na\r\n0\r\n{trailer}\r\n");
        for size in 1..=body.len() {
            assert_eq!(end_in_reads_of(size, body.as_bytes()), None, "{body:?} in reads of {size}");
        }
    }
}

#[test]
fn advance_reads_the_largest_size() {
    let mut state = Chunked::Size;
    assert_eq!(state.advance(b"ffffffffffffffff\r\n0\r\n\r\n"), None);
    assert_eq!(state, Chunked::Data(u64::MAX - 5));
}
