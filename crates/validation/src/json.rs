//! Parses JSON, and reports errors as FastAPI does.

use serde_json::{Value, json};

use crate::issue::{Issue, Step};

/// Parses a body. Of two members with the same name, the last one counts.
///
/// # Errors
///
/// Returns `json_invalid` with the position in the text.
pub(crate) fn parse(body: &[u8]) -> Result<Value, Vec<Issue>> {
    serde_json::from_slice(body).map_err(|error| {
        let mut issue = Issue::of_part("body", "json_invalid", "JSON decode error");
        issue.loc.push(Step::Position(position(body, &error)));
        issue.input = Some(json!({}));
        vec![issue.with_ctx(json!({ "error": reason(&error) }))]
    })
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
    fn parse_keeps_the_last_of_two_members_with_the_same_name() {
        assert_eq!(parse(br#"{"a":1,"a":2}"#).unwrap(), json!({"a": 2}));
    }
}
