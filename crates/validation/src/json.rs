//! Parses JSON, and reports errors as FastAPI does.

use serde_json::{Value, json};

use crate::issue::{Issue, Step};

/// The maximum depth of lists and objects in a body, which is serde_json's own.
const DEPTH_MAX: usize = 127;

/// Parses a body. Of two members with the same name, the last one counts. A number beyond the range
/// of a float becomes a number near the limit, since Python's parser accepts it too.
///
/// # Errors
///
/// Returns `json_invalid` with the position in the text.
pub(crate) fn parse(body: &[u8]) -> Result<Value, Vec<Issue>> {
    let parsed = match serde_json::from_slice(body) {
        Err(error) if error.to_string().starts_with("number out of range") => {
            serde_json::from_slice(&with_numbers_in_range(body))
        }
        parsed => parsed,
    };
    parsed.map_err(|error| {
        let mut issue = Issue::of_part("body", "json_invalid", "JSON decode error");
        issue.loc.push(Step::Position(position(body, &error)));
        issue.input = Some(json!({}));
        vec![issue.with_ctx(json!({ "error": reason(&error) }))]
    })
}

/// Returns true if serde_json reports the same errors in the values that it skips as in those that
/// it reads.
///
/// It skips the values of unknown members without a look at their escapes and their depth, which
/// [`parse`] checks. Python's parser reads all values.
pub(crate) fn is_checked_when_skipped(text: &str) -> bool {
    // Only an escape from U+D800 to U+DFFF can be half a character.
    let has_surrogate = text.contains("\\ud") || text.contains("\\uD");
    let brackets = text.bytes().filter(|byte| matches!(byte, b'[' | b'{')).take(DEPTH_MAX + 1).count();
    !has_surrogate && brackets <= DEPTH_MAX
}

/// Replaces each number that no float can hold by one of the same length near the limit. The other
/// characters keep their positions.
fn with_numbers_in_range(body: &[u8]) -> Vec<u8> {
    let mut body = body.to_vec();
    let mut at = 0;
    let (mut is_text, mut is_escaped) = (false, false);
    while at < body.len() {
        let byte = body[at];
        if is_text {
            (is_text, is_escaped) = (is_escaped || byte != b'"', byte == b'\\' && !is_escaped);
        } else if byte.is_ascii_digit() {
            let number = at..at + number_length(&body[at..]);
            let text = std::str::from_utf8(&body[number.clone()]).unwrap_or_default();
            if text.parse().is_ok_and(f64::is_infinite) {
                // Such a number has at least five characters, as in `2e308`.
                body[number.clone()].fill(b'0');
                body[at..at + 2].copy_from_slice(b"9e");
                body[number.end - 3..number.end].copy_from_slice(b"307");
            }
            at = number.end;
            continue;
        } else {
            is_text = byte == b'"';
        }
        at += 1;
    }
    body
}

/// Returns the length of the number at the start of a text, without its sign (RFC 8259, section 6).
fn number_length(text: &[u8]) -> usize {
    let digits = |from: usize| text[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut end = digits(0);
    if text.get(end) == Some(&b'.') {
        end += 1 + digits(end + 1);
    }
    if matches!(text.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(end + 1), Some(b'+' | b'-')));
        end += 1 + sign + digits(end + 1 + sign);
    }
    end
}

/// Returns the parser's sentence without its line and column.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(reason, _)| reason.to_owned())
}

/// Returns the position that Python's parser reports: the start of an unterminated string, or else
/// the first character that is not JSON.
fn position(body: &[u8], error: &serde_json::Error) -> usize {
    let bytes = match (error.is_eof(), unterminated_string(body)) {
        (true, Some(start)) => start,
        (true, None) => body.len(),
        _ => {
            let lines = body.split_inclusive(|b| *b == b'\n').take(error.line().saturating_sub(1));
            lines.map(<[u8]>::len).sum::<usize>() + error.column().saturating_sub(1)
        }
    };
    String::from_utf8_lossy(&body[..bytes.min(body.len())]).chars().count()
}

fn unterminated_string(body: &[u8]) -> Option<usize> {
    let mut start = None;
    let mut escaped = false;
    for (at, byte) in body.iter().enumerate() {
        match (byte, start) {
            (_, Some(_)) if escaped => escaped = false,
            (b'\\', Some(_)) => escaped = true,
            (b'"', Some(_)) => start = None,
            (b'"', None) => start = Some(at),
            _ => {}
        }
    }
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(body: &str) -> Option<Step> {
        parse(body.as_bytes()).err().and_then(|mut issues| issues.remove(0).loc.into_iter().nth(1))
    }

    #[test]
    fn parse_reports_the_positions_of_pythons_parser() {
        for (body, at) in [("{nope", 1), ("{\"email\":\"a", 9), ("[1,\n2 x", 6), ("{", 1), ("ä", 0)] {
            assert_eq!(location(body), Some(Step::Position(at)), "{body:?}");
        }
        assert_eq!(location("{}"), None);
    }

    #[test]
    fn parse_rejects_deep_nesting_and_invalid_unicode() {
        assert!(parse("[".repeat(100_000).as_bytes()).is_err());
        assert!(parse(b"\"\\ud800\"").is_err());
        assert!(parse(b"\"\xff\"").is_err());
    }

    #[test]
    fn parse_accepts_numbers_that_no_float_can_hold() {
        let digits = "9".repeat(400);
        for number in ["1e400", "2e308", "-1e400", "1E+999", "12.5e99999", digits.as_str()] {
            let body = format!("{{\"a\\\"1e400\":[{number}],\"b\":1e3}}");
            let value = parse(body.as_bytes()).unwrap();
            let found = value["a\"1e400"][0].as_f64().unwrap();
            assert!(found.abs() >= 9e307 && found.is_finite(), "{number}: {found}");
            assert_eq!(found < 0.0, number.starts_with('-'), "{number}");
            assert_eq!(value["b"], json!(1e3));
        }
        // The position of another error is that in the text of the client.
        assert_eq!(location("[1e400, x]"), Some(Step::Position(8)));
        assert_eq!(location("[1e400e1]"), location("[1e300e1]"));
    }

    #[test]
    fn parse_keeps_the_last_of_two_members_with_the_same_name() {
        assert_eq!(parse(br#"{"a":1,"a":2}"#).unwrap(), json!({"a": 2}));
    }
}
