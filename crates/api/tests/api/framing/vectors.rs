//! The table of framing vectors.
//!
//! Placeholders stand for what depends on the vector:
//!
//! | placeholder | meaning |
//! | --- | --- |
//! | `«caller»` | the fields of an authenticated JSON request |
//! | `«note»`, `«length»`, `«size»` | a note, its length, and its length in hexadecimal |
//! | `«chunks»` | the note as a complete chunked body |
//! | `«inner»`, `«inner length»`, `«inner size»` | a whole request that creates another note |
//! | `«long»`, `«many»` | 400 kB, and 96 fields |

use super::Outcome::{self, Rejected, Served};

/// Bytes of one request with one expected outcome.
pub(super) struct Vector {
    /// Unique. It is also a part of the titles of notes.
    pub(super) name: &'static str,
    /// The RFC and the section that decide the outcome.
    pub(super) section: &'static str,
    pub(super) request: String,
    pub(super) outcome: Outcome,
}

/// Name, section, the part that the vector is about, and outcome.
type Row = (&'static str, &'static str, &'static str, Outcome);
/// Rows, and the request that a part belongs to.
type Table<'a> = (&'static [Row], &'a dyn Fn(&str) -> String);

/// Both notes are created.
const BOTH: Outcome = Served(&[201, 201]);
/// The request without a note is served, and the request behind it.
const GET_AND_NOTE: Outcome = Served(&[200, 201]);

/// The listener rejects a malformed body before its end.
pub(super) const MALFORMED_BODY: Outcome = Rejected(400);

/// Returns all vectors.
pub(super) fn vectors() -> Vec<Vector> {
    let note = "POST /notes HTTP/1.1\r\nHost: a\r\n«caller»";
    let tables: [Table<'_>; 7] = [
        (&LENGTHS, &|fields| format!("{note}{fields}\r\n\r\n«note»")),
        (&CODINGS, &|fields| format!("{note}{fields}\r\n\r\n«chunks»")),
        (&CHUNKS, &|body| format!("{note}Transfer-Encoding: chunked\r\n\r\n{body}")),
        (&FIELDS, &|fields| format!("GET /health/live HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n")),
        (&HOSTS, &|fields| format!("GET /health/live HTTP/1.1\r\n{fields}\r\n")),
        (&LINES, &|line| format!("{line}\r\nHost: a\r\n\r\n")),
        (&WHOLE, &str::to_owned),
    ];
    let vectors = |(rows, request): Table<'_>| {
        let vector = |(name, section, part, outcome): &Row| Vector {
            name,
            section,
            request: request(part),
            outcome: *outcome,
        };
        rows.iter().map(vector).collect::<Vec<_>>()
    };
    tables.into_iter().flat_map(vectors).collect()
}

/// Fields of a request whose body is a note.
static LENGTHS: [Row; 22] = [
    ("one length", "9112 6.2", "Content-Length: «length»", BOTH),
    ("length with leading zeros", "9110 8.6", "Content-Length: 000«length»", BOTH),
    ("length with spaces around", "9112 5.1", "Content-Length: \t «length» \t", BOTH),
    (
        "repeated equal lengths",
        "9110 8.6",
        "Content-Length: «length»\r\nContent-Length: «length»",
        Rejected(400),
    ),
    ("different lengths", "9112 6.3", "Content-Length: «length»\r\nContent-Length: 0", Rejected(400)),
    ("listed equal lengths", "9110 8.6", "Content-Length: «length», «length»", Rejected(400)),
    ("listed different lengths", "9112 6.3", "Content-Length: «length», 0", Rejected(400)),
    ("length with a plus", "9112 6.3", "Content-Length: +«length»", Rejected(400)),
    ("length with a minus", "9112 6.3", "Content-Length: -«length»", Rejected(400)),
    ("hexadecimal length", "9112 6.3", "Content-Length: 0x«size»", Rejected(400)),
    ("length with a fraction", "9112 6.3", "Content-Length: «length».0", Rejected(400)),
    ("length of 2^64 + 1", "9110 8.6", "Content-Length: 18446744073709551617", Rejected(400)),
    ("length of 2^64 - 1", "9110 15.5.14", "Content-Length: 18446744073709551615", Rejected(413)),
    ("empty length", "9112 6.3", "Content-Length:", Rejected(400)),
    ("length with a space within", "9112 6.3", "Content-Length: 1 0", Rejected(400)),
    ("length behind a vertical tab", "9110 5.5", "Content-Length: \u{b}«length»", Rejected(400)),
    ("space before the colon of a length", "9112 5.1", "Content-Length : «length»", Rejected(400)),
    ("tab before the colon of a length", "9112 5.1", "Content-Length\t: «length»", Rejected(400)),
    ("folded length", "9112 5.2", "Content-Length:\r\n «length»", Rejected(400)),
    (
        "length and upgrade to websocket",
        "9110 7.8",
        "Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: «length»",
        Rejected(400),
    ),
    (
        "expectation",
        "9110 10.1.1",
        "Expect: 100-continue\r\nContent-Length: «length»",
        Served(&[100, 201, 201]),
    ),
    ("unknown expectation", "9110 10.1.1", "Expect: x\r\nContent-Length: «length»", BOTH),
];

/// Fields of a request whose body is a chunked note.
static CODINGS: [Row; 24] = [
    ("chunked", "9112 6.1", "Transfer-Encoding: chunked", BOTH),
    ("chunked in mixed case", "9112 7", "Transfer-Encoding: ChUnKeD", BOTH),
    ("chunked between tabs", "9112 5.1", "Transfer-Encoding:\tchunked\t", BOTH),
    (
        "length before chunked",
        "9112 6.1",
        "Content-Length: «length»\r\nTransfer-Encoding: chunked",
        Rejected(400),
    ),
    (
        "length behind chunked",
        "9112 6.1",
        "Transfer-Encoding: chunked\r\nContent-Length: «length»",
        Rejected(400),
    ),
    ("length of 0 and chunked", "9112 6.1", "Content-Length: 0\r\nTransfer-Encoding: chunked", Rejected(400)),
    ("identity", "9112 6.3", "Transfer-Encoding: identity", Rejected(400)),
    (
        "identity and length",
        "9112 6.3",
        "Transfer-Encoding: identity\r\nContent-Length: «length»",
        Rejected(400),
    ),
    ("chunked, chunked", "9112 6.1", "Transfer-Encoding: chunked, chunked", Rejected(400)),
    (
        "chunked in two fields",
        "9112 6.1",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        Rejected(400),
    ),
    (
        "identity and chunked in two fields",
        "9112 6.1",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        Rejected(400),
    ),
    ("gzip, chunked", "9112 6.1", "Transfer-Encoding: gzip, chunked", Rejected(400)),
    ("chunked, gzip", "9112 6.3", "Transfer-Encoding: chunked, gzip", Rejected(400)),
    ("xchunked", "9112 6.3", "Transfer-Encoding: xchunked", Rejected(400)),
    ("chunked behind a vertical tab", "9110 5.5", "Transfer-Encoding: \u{b}chunked", Rejected(400)),
    ("chunked before a vertical tab", "9110 5.5", "Transfer-Encoding: chunked\u{b}", Rejected(400)),
    ("chunked behind a no-break space", "9112 6.3", "Transfer-Encoding: \u{a0}chunked", Rejected(400)),
    ("quoted chunked", "9112 6.3", "Transfer-Encoding: \"chunked\"", Rejected(400)),
    ("chunked with a parameter", "9112 7", "Transfer-Encoding: chunked;q=1", Rejected(400)),
    ("empty coding", "9112 6.3", "Transfer-Encoding:", Rejected(400)),
    ("space before the colon of chunked", "9112 5.1", "Transfer-Encoding : chunked", Rejected(400)),
    ("folded chunked", "9112 5.2", "Transfer-Encoding:\r\n chunked", Rejected(400)),
    (
        "chunked behind a bare line feed",
        "9112 2.2",
        "Content-Length: 5\r\nX: a\nTransfer-Encoding: chunked",
        Rejected(400),
    ),
    (
        "chunked behind a bare carriage return",
        "9112 2.2",
        "Content-Length: 5\r\nX: a\rTransfer-Encoding: chunked",
        Rejected(400),
    ),
];

/// Chunked bodies of a note.
static CHUNKS: [Row; 36] = [
    ("upper case size with leading zeros", "9112 7.1", "000«SIZE»\r\n«note»\r\n000\r\n\r\n", BOTH),
    ("extensions", "9112 7.1.1", "«size» ; a=b;c=\"d e\"\r\n«note»\r\n0;x\r\n\r\n", BOTH),
    ("extension with a line feed", "9112 7.1.1", "«size»;a\nb\r\n«note»\r\n0\r\n\r\n", MALFORMED_BODY),
    ("extension with a carriage return", "9112 7.1.1", "«size»;a\rb\r\n«note»\r\n0\r\n\r\n", MALFORMED_BODY),
    ("extension with NUL", "9112 7.1.1", "«size»;a\0\r\n«note»\r\n0\r\n\r\n", MALFORMED_BODY),
    ("size of 2^64 + 1", "9112 7.1", "10000000000000001\r\n«note»\r\n0\r\n\r\n", MALFORMED_BODY),
    ("size with 0x", "9112 7.1", "0x«size»\r\n«note»\r\n0\r\n\r\n", MALFORMED_BODY),
    ("size with a plus", "9112 7.1", "+«size»\r\n«note»\r\n0\r\n\r\n", MALFORMED_BODY),
    ("size with a minus", "9112 7.1", "-«size»\r\n«note»\r\n0\r\n\r\n", MALFORMED_BODY),
    ("size with an underscore", "9112 7.1", "0_«size»\r\n«note»\r\n0\r\n\r\n", MALFORMED_BODY),
    ("size with another letter", "9112 7.1", "«size»g\r\n«note»\r\n0\r\n\r\n", MALFORMED_BODY),
    ("size behind a space", "9112 7.1", " «size»\r\n«note»\r\n0\r\n\r\n", MALFORMED_BODY),
    ("size with a space within", "9112 7.1", "0 «size»\r\n«note»\r\n0\r\n\r\n", MALFORMED_BODY),
    ("empty size", "9112 7.1", "\r\n«note»\r\n0\r\n\r\n", MALFORMED_BODY),
    ("size before a bare line feed", "9112 7.1", "«size»\n«note»\r\n0\r\n\r\n", MALFORMED_BODY),
    ("data before a bare line feed", "9112 7.1", "«size»\r\n«note»\n0\r\n\r\n", MALFORMED_BODY),
    ("data before a bare carriage return", "9112 7.1", "«size»\r\n«note»\r0\r\n\r\n", MALFORMED_BODY),
    ("data before no line end", "9112 7.1", "«size»\r\n«note»0\r\n\r\n", MALFORMED_BODY),
    ("data longer than its size", "9112 7.1", "5\r\n«note»\r\n0\r\n\r\n", MALFORMED_BODY),
    ("data shorter than its size", "9112 7.1", "ff\r\n«note»\r\n0\r\n\r\n", MALFORMED_BODY),
    ("last size before a bare line feed", "9112 7.1", "«size»\r\n«note»\r\n0\n\r\n", MALFORMED_BODY),
    ("only bare line feeds", "9112 7.1", "«size»\n«note»\n0\n\n", MALFORMED_BODY),
    ("trailer", "9112 7.1.2", "«size»\r\n«note»\r\n0\r\nX: y\r\nZ:\r\n\r\n", BOTH),
    (
        "trailer with fields about framing",
        "9110 6.5.1",
        "«size»\r\n«note»\r\n0\r\n\
         Content-Length: 500\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
        BOTH,
    ),
    (
        "trailer with a bare carriage return",
        "9110 5.5",
        "«size»\r\n«note»\r\n0\r\nX: a\rb\r\n\r\n",
        MALFORMED_BODY,
    ),
    ("trailer with a bare line feed", "9110 5.5", "«size»\r\n«note»\r\n0\r\nX: y\n\r\n", MALFORMED_BODY),
    ("trailer with a bare line feed only", "9112 7.1.2", "«size»\r\n«note»\r\n0\r\nX: y\n\n", MALFORMED_BODY),
    ("trailer with NUL", "9110 5.5", "«size»\r\n«note»\r\n0\r\nX: \0\r\n\r\n", MALFORMED_BODY),
    ("trailer without a colon", "9112 7.1.2", "«size»\r\n«note»\r\n0\r\nX\r\n\r\n", MALFORMED_BODY),
    (
        "trailer with a space before the colon",
        "9112 5.1",
        "«size»\r\n«note»\r\n0\r\nX : y\r\n\r\n",
        MALFORMED_BODY,
    ),
    (
        "trailer that begins with a space",
        "9112 5.2",
        "«size»\r\n«note»\r\n0\r\n X: y\r\n\r\n",
        MALFORMED_BODY,
    ),
    ("folded trailer", "9112 5.2", "«size»\r\n«note»\r\n0\r\nX: y\r\n z\r\n\r\n", MALFORMED_BODY),
    ("bare line feed at the end", "9112 7.1", "«size»\r\n«note»\r\n0\r\n\n", MALFORMED_BODY),
    // The head of the next request is no trailer, and its body is no request.
    ("no end", "9112 7.1", "«size»\r\n«note»\r\n0\r\n", MALFORMED_BODY),
    (
        "request in a body behind a bare line feed",
        "9112 7.1",
        "«size»\r\n«note»\r\n0\r\n\nPOST /notes HTTP/1.1\r\nHost: a\r\n\
         Content-Length: «inner length»\r\n\r\n«inner»",
        MALFORMED_BODY,
    ),
    ("carriage return at the end", "9112 7.1", "«size»\r\n«note»\r\n0\r\n\r\r\n\r\n", MALFORMED_BODY),
];

/// Fields of a request without a body, behind its `Host`.
static FIELDS: [Row; 18] = [
    ("folded field", "9112 5.2", "X: a\r\n b", Rejected(400)),
    ("field folded with a tab", "9112 5.2", "X: a\r\n\tb", Rejected(400)),
    ("folded field with a length", "9112 5.2", "X: a\r\n Content-Length: 5", Rejected(400)),
    ("space before a colon", "9112 5.1", "X : a", Rejected(400)),
    ("empty field name", "9110 5.1", ": a", Rejected(400)),
    ("field without a colon", "9112 5", "X", Rejected(400)),
    ("NUL in a value", "9110 5.5", "X: a\0b", Rejected(400)),
    ("NUL in a name", "9110 5.6.2", "X\0: a", Rejected(400)),
    ("control byte in a value", "9110 5.5", "X: a\u{1}b", Rejected(400)),
    ("DEL in a value", "9110 5.5", "X: a\u{7f}b", Rejected(400)),
    ("control byte in a name", "9110 5.6.2", "X\u{1}: a", Rejected(400)),
    ("delimiter in a name", "9110 5.6.2", "X(: a", Rejected(400)),
    ("bytes over 127 in a name", "9110 5.6.2", "X\u{e9}: a", Rejected(400)),
    ("bytes over 127 in a value", "9110 5.5", "X: \u{e9}", GET_AND_NOTE),
    ("bare carriage return in a value", "9112 2.2", "X: a\rY: b", Rejected(400)),
    ("two carriage returns at the end of a line", "9112 2.2", "X: a\r", Rejected(400)),
    ("value over 128 KiB", "9110 5.4", "X: «long»", Rejected(431)),
    ("more than 96 fields", "9110 5.4", "«many»X: a", Rejected(431)),
];

/// All fields of a request without a body.
static HOSTS: [Row; 12] = [
    ("missing Host", "9112 3.2", "", Rejected(400)),
    ("two equal Hosts", "9112 3.2", "Host: a\r\nHost: a\r\n", Rejected(400)),
    ("two different Hosts", "9112 3.2", "Host: a\r\nHost: b\r\n", Rejected(400)),
    ("Host with a space", "9112 3.2", "Host: a b\r\n", Rejected(400)),
    ("Host with a list", "9112 3.2", "Host: a, b\r\n", Rejected(400)),
    ("Host with a path", "9112 3.2", "Host: a/b\r\n", Rejected(400)),
    ("Host with a user", "9112 3.2", "Host: a@b\r\n", Rejected(400)),
    ("Host with an invalid port", "9112 3.2", "Host: a:b\r\n", Rejected(400)),
    ("Host with bytes over 127", "9112 3.2", "Host: \u{e9}\r\n", Rejected(400)),
    ("Host of IPv6 with a port", "9112 3.2", "Host: [::1]:80\r\n", GET_AND_NOTE),
    ("empty Host", "9112 3.2", "Host:\r\n", GET_AND_NOTE),
    ("space before the first field", "9112 2.2", " X: a\r\nHost: a\r\n", Rejected(400)),
];

/// Request lines.
static LINES: [Row; 17] = [
    ("absolute form", "9112 3.2.2", "GET http://b/health/live HTTP/1.1", GET_AND_NOTE),
    ("asterisk form", "9112 3.2.4", "OPTIONS * HTTP/1.1", Served(&[404, 201])),
    ("tunnel", "9110 9.3.6", "CONNECT a:443 HTTP/1.1", Served(&[404])),
    ("HTTP/2.0", "9112 2.3", "GET /health/live HTTP/2.0", Rejected(400)),
    ("version in lower case", "9112 2.3", "GET /health/live http/1.1", Rejected(400)),
    ("version with leading zeros", "9112 2.3", "GET /health/live HTTP/01.1", Rejected(400)),
    ("no version", "9112 2.3", "GET /health/live", Rejected(400)),
    ("two spaces", "9112 3", "GET  /health/live HTTP/1.1", Rejected(400)),
    ("tabs for spaces", "9112 3", "GET\t/health/live\tHTTP/1.1", Rejected(400)),
    ("space in the target", "9112 3.2", "GET /health/live HTTP/1.1 HTTP/1.1", Rejected(400)),
    ("NUL in the target", "9112 3.2", "GET /health/live\0 HTTP/1.1", Rejected(400)),
    ("target without a slash", "9112 3.2", "GET health/live HTTP/1.1", Rejected(400)),
    ("delimiter in the method", "9110 9.1", "GE:T /health/live HTTP/1.1", Rejected(400)),
    ("space before the method", "9112 3", " GET /health/live HTTP/1.1", Rejected(400)),
    ("carriage return before the method", "9112 2.2", "\rGET /health/live HTTP/1.1", Rejected(400)),
    ("two empty lines before the method", "9112 2.2", "\r\n\r\nGET /health/live HTTP/1.1", GET_AND_NOTE),
    ("target over 128 KiB", "9112 3", "GET /«long» HTTP/1.1", Rejected(431)),
];

/// Whole requests.
static WHOLE: [Row; 19] = [
    ("HTTP/0.9", "9112 2.3", "GET /health/live\r\n", Rejected(400)),
    ("preface of HTTP/2", "9112 2.3", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Rejected(400)),
    ("bare carriage returns only", "9112 2.2", "GET /health/live HTTP/1.1\rHost: a\r\r", Rejected(400)),
    // A recipient may accept them. One that does not must not forward them.
    ("bare line feeds only", "9112 2.2", "GET /health/live HTTP/1.1\nHost: a\n\n", GET_AND_NOTE),
    (
        "bare line feed at the end of a head",
        "9112 2.2",
        "GET /health/live HTTP/1.1\r\nHost: a\r\n\n",
        GET_AND_NOTE,
    ),
    (
        "absolute form without Host",
        "9112 3.2",
        "GET http://b/health/live HTTP/1.1\r\nX: a\r\n\r\n",
        Rejected(400),
    ),
    (
        "HTTP/1.0 with chunked",
        "9112 6.1",
        "POST /notes HTTP/1.0\r\nConnection: keep-alive\r\n«caller»\
         Transfer-Encoding: chunked\r\n\r\n«chunks»",
        Rejected(400),
    ),
    (
        "HTTP/1.0 with chunked and length",
        "9112 6.1",
        "POST /notes HTTP/1.0\r\nConnection: keep-alive\r\n«caller»Transfer-Encoding: chunked\r\n\
         Content-Length: «length»\r\n\r\n«note»",
        Rejected(400),
    ),
    (
        "HTTP/1.0 without length",
        "9112 6.3",
        "POST /notes HTTP/1.0\r\nConnection: keep-alive\r\n«caller»\r\n",
        Rejected(400),
    ),
    (
        "HTTP/1.0 with keep-alive",
        "9112 9.3",
        "POST /notes HTTP/1.0\r\nConnection: keep-alive\r\n«caller»\
         Content-Length: «length»\r\n\r\n«note»",
        BOTH,
    ),
    (
        "HTTP/1.0 without keep-alive",
        "9112 9.3",
        "POST /notes HTTP/1.0\r\n«caller»Content-Length: «length»\r\n\r\n«note»",
        Served(&[201]),
    ),
    (
        "connection that closes",
        "9112 9.6",
        "POST /notes HTTP/1.1\r\nHost: a\r\nConnection: close\r\n«caller»\
         Content-Length: «length»\r\n\r\n«note»",
        Served(&[201]),
    ),
    (
        "request in the body of GET",
        "9110 9.3.1",
        "GET /health/live HTTP/1.1\r\nHost: a\r\nContent-Length: «inner length»\r\n\r\n«inner»",
        Served(&[200]),
    ),
    (
        "request in the chunked body of GET",
        "9110 9.3.1",
        "GET /health/live HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
         «inner size»\r\n«inner»\r\n0\r\n\r\n",
        Served(&[200]),
    ),
    (
        "request in the body of HEAD",
        "9110 9.3.2",
        "HEAD /health/live HTTP/1.1\r\nHost: a\r\nContent-Length: «inner length»\r\n\r\n«inner»",
        Served(&[200]),
    ),
    (
        "request in the body of a refused request",
        "9112 9.3",
        "POST /notes HTTP/1.1\r\nHost: a\r\nContent-Length: «inner length»\r\n\r\n«inner»",
        Served(&[401]),
    ),
    (
        "request in the body of CONNECT",
        "9110 9.3.6",
        "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nContent-Length: «inner length»\r\n\r\n«inner»",
        Served(&[404]),
    ),
    (
        "request behind an upgrade",
        "9110 7.8",
        "GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n«inner»",
        Served(&[200]),
    ),
    (
        "invalid Host before a request in the body",
        "9112 3.2",
        "GET /health/live HTTP/1.1\r\nHost: a b\r\nTransfer-Encoding: chunked\r\n\r\n\
         «inner size»\r\n«inner»\r\n0\r\n\r\n",
        Rejected(400),
    ),
];
