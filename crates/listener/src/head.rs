//! Finds the end of a request head, without parsing it.

use memchr::memchr;

/// The position in a request head.
///
/// A head ends with the first empty line behind a line that is not empty. Every head that
/// actix-http accepts ends there. Lines end with CR LF or with LF, as in httparse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Head {
    /// Before the first line. Empty lines may precede it.
    Start,
    /// Behind the CR of a line before the first one.
    StartCr,
    /// Within a line.
    Line,
    /// At the start of a line.
    LineStart,
    /// Behind a CR at the start of a line.
    LineStartCr,
}

impl Head {
    /// Advances over these bytes. Returns the number of bytes until the end of the head, or `None`
    /// if the head does not end in them.
    pub(crate) fn advance(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            // Only a line feed ends a line, so the bytes before it are skipped.
            let skipped = match *self {
                Self::Line => memchr(b'\n', rest)?,
                _ => 0,
            };
            at += skipped + 1;
            *self = match (*self, rest[skipped]) {
                (Self::Start | Self::StartCr, b'\n') => Self::Start,
                (Self::Start, b'\r') => Self::StartCr,
                (Self::Line, _) => Self::LineStart,
                (Self::LineStart | Self::LineStartCr, b'\n') => return Some(at),
                (Self::LineStart, b'\r') => Self::LineStartCr,
                // actix-http rejects a CR that is followed by another byte.
                _ => Self::Line,
            };
        }
        None
    }
}

/// Returns the length of the body behind this head, if its only field about the body is one
/// `Content-Length`. Returns 0 otherwise, or if a field could be one about the body.
///
/// This is a guess. It is later compared with the length that actix-http has read.
pub(crate) fn announced_length(head: &[u8]) -> u64 {
    let mut announced = None;
    for line in head.split(|byte| *byte == b'\n') {
        match line {
            // `Transfer-Encoding` and `Upgrade`.
            [b't' | b'T', b'r' | b'R', b'a' | b'A', ..] | [b'u' | b'U', b'p' | b'P', ..] => return 0,
            [b'c' | b'C', b'o' | b'O', b'n' | b'N', b't' | b'T', b'e' | b'E', ..] => {
                let Some(value) = content_length(line) else { continue };
                if announced.is_some() {
                    return 0;
                }
                announced = Some(value.parse().unwrap_or(0));
            }
            _ => {}
        }
    }
    announced.unwrap_or(0)
}

/// Returns the value of a line with the field `Content-Length`.
fn content_length(line: &[u8]) -> Option<&str> {
    let (name, value) = str::from_utf8(line).ok()?.split_once(':')?;
    name.eq_ignore_ascii_case("content-length").then(|| value.trim())
}

#[cfg(test)]
mod tests;
