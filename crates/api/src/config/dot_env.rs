//! The file `.env`, which may come from the previous service and have lines of other programs.
//!
//! dotenvy reads the values. python-dotenv, for which the file may have been written, reads some of
//! them differently: a `$`, a backslash, a quote within the value. A setting of this service with
//! such a value is rejected, because another secret would silently make every token invalid.

use std::collections::HashMap;

/// The content of the file.
#[derive(Default)]
pub(super) struct DotEnv {
    pub(super) variables: HashMap<String, String>,
    /// The reasons why settings of this service cannot be used. Each continues the setting's name.
    pub(super) broken: HashMap<String, String>,
    /// The lines of other programs that cannot be parsed.
    pub(super) warnings: Vec<String>,
}

/// Parses the file. A byte order mark at its start is skipped.
///
/// # Errors
///
/// A sentence if the file is UTF-16.
pub(super) fn parse(file: &[u8], is_setting: impl Fn(&str) -> bool) -> Result<DotEnv, &'static str> {
    if file.starts_with(b"\xff\xfe") || file.starts_with(b"\xfe\xff") {
        return Err("it is UTF-16: save it as UTF-8");
    }
    if file.contains(&0) {
        return Err("it has NUL bytes: save it as UTF-8");
    }
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let text = String::from_utf8_lossy(file).replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<&str> = text.split('\n').collect();
    let mut content = DotEnv::default();
    let mut next = 0;
    while next < lines.len() {
        let (first, number) = (lines[next].trim(), next + 1);
        let length = length(&lines[next..]);
        next += length.unwrap_or(1);
        if first.is_empty() || first.starts_with('#') {
            continue;
        }
        let (name, value) = split(first);
        let entry = lines[number - 1..next].join("\n");
        let reading = match value {
            _ if length.is_none() => Err("has a quote without an end"),
            _ if has_odd_space(first.split('=').next().unwrap_or_default()) => Err(ODD_SPACE),
            _ if first.trim_start_matches("export").trim_start().starts_with('\'') => {
                Err("has its name in quotes")
            }
            Some(_) => one_reading(split(&entry).1.unwrap_or_default()),
            None => Err("has no ="),
        };
        let variable = dotenvy::from_read_iter(entry.as_bytes()).next();
        match (is_setting(name), reading, variable) {
            (true, Err(reason), _) => {
                content.broken.insert(name.to_owned(), format!("in line {number} of .env {reason}"));
            }
            (_, _, Some(Ok((name, value)))) => {
                content.broken.remove(&name);
                content.variables.insert(name, value);
            }
            (true, Ok(()), _) => {
                let sentence =
                    format!("in line {number} of .env cannot be parsed: put the value in single quotes");
                content.broken.insert(name.to_owned(), sentence);
            }
            (false, ..) => {
                content.warnings.push(format!("line {number} of .env cannot be parsed and is skipped"));
            }
        }
    }
    Ok(content)
}

/// Splits a line into the name of the variable, and the value if there is a `=`.
///
/// As in python-dotenv, the name is a text in single quotes, or all up to white space, `=` or `#`.
fn split(entry: &str) -> (&str, Option<&str>) {
    let is_space = |c: char| c.is_whitespace() || c.is_control();
    let entry = entry.trim_start_matches(is_space);
    let exported = entry.strip_prefix("export").filter(|rest| rest.starts_with(is_space));
    let entry = exported.unwrap_or(entry).trim_start_matches(is_space);
    let quoted = entry.strip_prefix('\'').and_then(|entry| entry.split_once('\''));
    let (name, rest) = quoted.unwrap_or_else(|| {
        let is_end = |c: char| is_space(c) || matches!(c, '=' | '#' | ':');
        entry.split_at(entry.find(is_end).unwrap_or(entry.len()))
    });
    (name, rest.trim_start_matches(is_space).strip_prefix('='))
}

/// Returns the number of lines of the first variable: more than one if its value is in quotes and
/// has line breaks. Returns `None` if the quote has no end.
fn length(lines: &[&str]) -> Option<usize> {
    let Some(value) = split(lines[0]).1 else { return Some(1) };
    let value = value.trim_start();
    let Some(quote) = value.chars().next().filter(|c| matches!(c, '\'' | '"')) else { return Some(1) };
    let mut is_escaped = false;
    let mut ends = |c: char| {
        let ends = c == quote && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends
    };
    if value.chars().skip(1).any(&mut ends) {
        return Some(1);
    }
    lines[1..].iter().position(|line| line.chars().any(&mut ends)).map(|below| below + 2)
}

/// Checks that dotenvy and python-dotenv read the same value. The text begins after the `=`.
fn one_reading(text: &str) -> Result<(), &'static str> {
    if text.contains('\u{fffd}') {
        return Err("is not UTF-8");
    }
    let value = text.trim();
    match value.chars().next() {
        None if has_odd_space(text) => Err(ODD_SPACE),
        None => Ok(()),
        // python-dotenv takes the comment in `NAME= # comment` for the value.
        Some('#') => Err("begins with a #: put a value in single quotes, and a comment on its own line"),
        // Also in single quotes, python-dotenv replaces a reference.
        Some(_) if value.contains("${") => Err("has a ${, which other programs replace: use another value"),
        Some(quote @ ('\'' | '"')) if text.trim_start_matches([' ', '\t']).starts_with(quote) => {
            quoted(&text.trim_start()[1..], quote)
        }
        Some(_) if has_odd_space(text) => Err(ODD_SPACE),
        Some(_) => unquoted(value),
    }
}

const ODD_SPACE: &str = "has a control character or a space other than a blank: remove it";

/// Returns true if a text has white space that dotenvy or Python does not take for white space.
fn has_odd_space(text: &str) -> bool {
    text.contains(|c: char| (c.is_whitespace() || c.is_control()) && !matches!(c, ' ' | '\t'))
}

fn unquoted(value: &str) -> Result<(), &'static str> {
    let (value, rest) = value.split_once([' ', '\t']).unwrap_or((value, ""));
    if value.contains('$') {
        return Err("has a $: put the value in single quotes");
    }
    if value.contains(['\\', '\'', '"']) {
        return Err("has a backslash or a quote: put the value in single quotes");
    }
    if !rest.is_empty() && !rest.trim_start().starts_with('#') {
        return Err("has a space: put the value in single quotes");
    }
    Ok(())
}

/// Checks a value in quotes. The text begins after the first quote.
fn quoted(text: &str, quote: char) -> Result<(), &'static str> {
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '$' if quote == '"' => return Err("has a $ in double quotes: put the value in single quotes"),
            '\\' => {
                let escaped = characters.next().map(|(_, escaped)| escaped);
                let is_same = match quote {
                    // python-dotenv ends the value at a quote behind two backslashes.
                    '"' => matches!(escaped, Some('"' | '\'' | 'n')),
                    // dotenvy takes a backslash in single quotes literally, and python-dotenv takes
                    // it as an escape of these two.
                    _ => !matches!(escaped, None | Some('\\' | '\'')),
                };
                if !is_same {
                    return Err("has a backslash that other programs read differently: use the other quotes");
                }
            }
            _ if c == quote => {
                let rest = &text[at + 1..];
                let comment = rest.trim_start();
                if has_odd_space(rest) {
                    return Err(ODD_SPACE);
                }
                return if comment.is_empty() || (comment.starts_with('#') && comment != rest) {
                    Ok(())
                } else {
                    Err("has text after its quotes: put the whole value in quotes")
                };
            }
            _ => {}
        }
    }
    Err("has a quote without an end")
}

#[cfg(test)]
mod tests;
